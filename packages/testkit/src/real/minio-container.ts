import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import type { Environment } from "./find-binary.ts"

/** The last image that MinIO published. */
export const minIOImage = "minio/minio:RELEASE.2025-09-07T16-13-09Z"

/** What we use of `testcontainers`, an optional peer that is loaded only where Docker answers. */
export interface Testcontainers {
  readonly GenericContainer: new (image: string) => Container
  readonly Wait: { forHttp(path: string, port: number): unknown }
}

interface Container {
  withEnvironment(environment: Record<string, string>): this
  withCommand(command: ReadonlyArray<string>): this
  withExposedPorts(port: number): this
  withWaitStrategy(strategy: unknown): this
  start(): Promise<{
    getHost(): string
    getMappedPort(port: number): number
    stop(): Promise<unknown>
  }>
}

const port = 9000

/** Whether MinIO can run in a container here: a Docker that answers, and `testcontainers` beside us. */
export function canRunContainers(env: Environment = process.env): boolean {
  const docker = env["DOCKER_HOST"] || existsSync("/var/run/docker.sock")
  if (!docker) return false
  try {
    createRequire(import.meta.url).resolve("testcontainers")
  } catch {
    return false
  }
  return spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 5_000 }).status === 0
}

/**
 * Starts MinIO in a container and resolves when it answers.
 *
 * No machine of ours has Docker: what is tested is that `testcontainers` is asked for the right things.
 */
export async function startMinIOContainer(
  environment: Record<string, string>,
  load: () => Promise<unknown> = loadTestcontainers
): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const library = await load()
  if (!isTestcontainers(library)) throw new Error("testcontainers has no GenericContainer and Wait: is it version 12?")
  const container = await new library.GenericContainer(minIOImage)
    .withEnvironment(environment)
    .withCommand(["server", "/data"])
    .withExposedPorts(port)
    .withWaitStrategy(library.Wait.forHttp("/minio/health/ready", port))
    .start()
  return {
    endpoint: `http://${container.getHost()}:${container.getMappedPort(port)}`,
    close: async () => {
      await container.stop()
    }
  }
}

// By a variable, so that neither the compiler nor a bundler asks for what most users do not have.
const library = "testcontainers"
const loadTestcontainers = (): Promise<unknown> => import(library)

const isTestcontainers = (module: unknown): module is Testcontainers =>
  typeof module === "object" && module !== null && "GenericContainer" in module && "Wait" in module
