#!/opt/secantus/bin/python
"""`mongod` with the few of its options that images and people give it, carried out by SecantusDB."""

import argparse
import sys

from secantus.cli import main

parser = argparse.ArgumentParser(prog="mongod", allow_abbrev=False)
parser.add_argument("--auth", action="store_true")
parser.add_argument("--bind_ip", default="127.0.0.1")
parser.add_argument("--bind_ip_all", action="store_true")
parser.add_argument("--dbpath", default="/data/db")
parser.add_argument("--port", default="27017")
parser.add_argument("--version", action="version", version="SecantusDB, in the place of mongod")
given = parser.parse_args()

host = "0.0.0.0" if given.bind_ip_all else given.bind_ip
sys.argv = ["secantusd-py", "--host", host, "--port", given.port, "--storage-path", given.dbpath]
# Alone, as `mongod` without a replica set is; and an answer means that it is on disk.
sys.argv += ["--standalone", "--sync-on-commit", "--cache-size", "256M"]
if given.auth:
    sys.argv.append("--auth")
sys.exit(main())
