import { expect, it } from "vitest"
import { canRunContainers, minIOImage, startMinIOContainer } from "./minio-container.ts"

it("MinIO in a container is asked of testcontainers: image, credentials, port, and to wait until it is ready", async () => {
  const asked: Array<unknown> = []
  class GenericContainer {
    constructor(image: string) {
      asked.push(image)
    }
    withEnvironment = (environment: unknown) => this.note(environment)
    withCommand = (command: unknown) => this.note(command)
    withExposedPorts = (port: unknown) => this.note(port)
    withWaitStrategy = (strategy: unknown) => this.note(strategy)
    note(what: unknown): this {
      asked.push(what)
      return this
    }
    start = async () => ({
      getHost: () => "127.0.0.1",
      getMappedPort: (port: number) => port + 1,
      stop: async () => asked.push("stopped")
    })
  }
  const Wait = { forHttp: (path: string, port: number) => `${path} at ${port}` }

  const { endpoint, close } = await startMinIOContainer({ MINIO_ROOT_USER: "u" }, async () => ({
    GenericContainer,
    Wait
  }))
  expect(endpoint).toBe("http://127.0.0.1:9001")
  await close()
  const ready = "/minio/health/ready at 9000"
  expect(asked).toEqual([minIOImage, { MINIO_ROOT_USER: "u" }, ["server", "/data"], 9000, ready, "stopped"])
})

it("a testcontainers that is another is refused by name", async () => {
  await expect(startMinIOContainer({}, async () => ({}))).rejects.toThrow("testcontainers has no GenericContainer")
})

it("without the package testcontainers there is no container, whatever Docker says", () => {
  expect(canRunContainers({ DOCKER_HOST: "tcp://127.0.0.1:1" })).toBe(false)
})
