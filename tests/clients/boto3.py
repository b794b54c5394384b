"""boto3's own transfer manager, one verb a run: boto3.py put FILE KEY, get KEY FILE, list PREFIX, remove KEY, copy KEY KEY,
checksums ALGORITHM…"""

import os
import sys

sys.path.pop(0)  # This file has the library's name.

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], config=Config(retries={"total_max_attempts": 1}))
parts = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
bucket = os.environ["BUCKET"]
verb, *args = sys.argv[1:]

if verb == "put":
    s3.upload_file(args[0], bucket, args[1], Config=parts)
elif verb == "get":
    s3.download_file(bucket, args[0], args[1], Config=parts)
elif verb == "list":
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=args[0]):
        for entry in page.get("Contents", []):
            print(entry["Key"])
elif verb == "remove":
    s3.delete_object(Bucket=bucket, Key=args[0])
elif verb == "copy":
    s3.copy({"Bucket": bucket, "Key": args[0]}, bucket, args[1], Config=parts)
elif verb == "checksums":
    for algorithm in args:
        body = b"checked by " + algorithm.encode()
        field = "Checksum" + algorithm
        put = s3.put_object(Bucket=bucket, Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
        head = s3.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        assert put[field] == head[field], (put, head)
        assert s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")["Body"].read() == body
        print(algorithm)
else:
    sys.exit(f"no verb {verb}")
