"""s3transfer, through boto3. Ctrl-C raises KeyboardInterrupt, on which it ends the upload."""

import io
import json
import os
import sys

import boto3
from boto3.s3.transfer import TransferConfig

job = json.loads(os.environ["GAUNTLET_JOB"])
client = boto3.client(
    "s3",
    endpoint_url=job["endpoint"],
    region_name=job["region"],
    aws_access_key_id=job["credentials"]["accessKeyId"],
    aws_secret_access_key=job["credentials"]["secretAccessKey"],
)
config = TransferConfig(
    **({"multipart_chunksize": job["partSize"], "multipart_threshold": job["partSize"]} if "partSize" in job else {})
)
extra = {"IfNoneMatch": "*"} if job.get("onlyIfAbsent") else {}


class Chunks(io.RawIOBase):
    """The job's stream, in its chunks; io.BufferedReader makes of it what Python calls a stream."""

    def __init__(self):
        self.file = None if "endless" in job else open(job["file"], "rb")
        self.left = job.get("failAfter", job.get("endless"))

    def readable(self):
        return True

    def readinto(self, buffer):
        size = min(len(buffer), job["chunk"])
        if self.file is None:
            size = min(size, self.left)
            self.left -= size
            return size
        if self.left is not None:
            if self.left < size:
                raise OSError("the disk is on fire")
            self.left -= size
        chunk = self.file.read(size)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def say(line):
    os.write(1, (line + "\n").encode())


say("ready")
sys.stdin.readline()
try:
    if job["kind"] == "file":
        client.upload_file(job["file"], job["bucket"], job["key"], ExtraArgs=extra, Config=config)
    else:
        stream = io.BufferedReader(Chunks(), 2**20)
        client.upload_fileobj(stream, job["bucket"], job["key"], ExtraArgs=extra, Config=config)
    say("settled " + json.dumps({"ok": True}))
except BaseException as error:
    say("settled " + json.dumps({"ok": False, "message": str(error).split("\n")[0] or type(error).__name__}))
