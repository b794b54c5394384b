import { minIOSuite, startMinIO } from "../src/MinIO.ts"
import { s3Behaviour } from "./s3-behaviour.ts"

s3Behaviour("minio", startMinIO, minIOSuite("MinIO"))
