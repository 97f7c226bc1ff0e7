"""A message board: texts with pictures.

GET  /messages   the messages, newest first; `?before=ID` goes on where a page ended
POST /messages   a form with `text`, and `picture` (a file) if you like
GET  /healthz    200 when the database answers, else 503

Texts are in MySQL. Pictures are in an S3 bucket; visitors get them from CDN_URL, which stands before it.
"""

import logging
import os
import threading
import unicodedata
from functools import cache
from pathlib import Path
from uuid import uuid4

import boto3
import pymysql
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

LONGEST_TEXT = 500
LARGEST_PICTURE = 4 * 1024 * 1024
PAGE = 50
# What a file begins with → its type and the end of its name. What its sender says of it does not count.
PICTURES = {
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"GIF87a": ("image/gif", "gif"),
    b"GIF89a": ("image/gif", "gif"),
}

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
kept = threading.local()
log = logging.getLogger("messages")


class Unfit(ValueError):
    """What cannot be kept; its text is for the visitor."""


def connect():
    """A connection whose waits all have an end, so that a database that hangs cannot hold all threads for good.

    They are longer than a disk takes when it is busy: what is given up here may be written all the same.
    """
    authority = os.environ.get("DB_CA_FILE")  # of a server elsewhere, which is then asked by TLS alone
    return pymysql.connect(
        ssl_ca=authority,
        ssl_verify_identity=bool(authority),
        host=os.environ["DB_HOST"],
        port=int(os.environ.get("DB_PORT", "3306")),
        database=os.environ["DB_NAME"],
        user=os.environ["DB_USER"],
        password=Path(os.environ["DB_PASSWORD_FILE"]).read_text(encoding="utf-8").strip(),
        charset="utf8mb4",
        connect_timeout=3,
        read_timeout=15,
        write_timeout=15,
        autocommit=True,
    )


def database():
    """This thread's connection, made anew where the server has ended it: to log in costs more than most queries."""
    if hasattr(kept, "connection"):
        kept.connection.ping(reconnect=True)
    else:
        kept.connection = connect()
    return kept.connection


@cache
def bucket():
    """The client of S3; the variables that AWS's own tools read say where it is and who we are."""
    waits = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
    return boto3.client("s3", config=waits)


def clean_text(value):
    """The text that a visitor asks to keep."""
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n").strip()
    if not text:
        raise Unfit("the text is empty")
    if len(text) > LONGEST_TEXT:
        raise Unfit(f"the text is longer than {LONGEST_TEXT} characters")
    # Cc: control characters; Cs: halves of a pair, which are no text.
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n" for letter in text):
        raise Unfit("the text contains a control character")
    return text


def kind_of(picture):
    """The type of a picture and the end of its name, by what it holds."""
    if len(picture) > LARGEST_PICTURE:
        raise Unfit(f"the picture is larger than {LARGEST_PICTURE // 1024 // 1024} MiB")
    for beginning, kind in PICTURES.items():
        if picture.startswith(beginning):
            return kind
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "image/webp", "webp"
    raise Unfit("the picture is no PNG, JPEG, GIF or WebP")


def keep(picture):
    """Puts a picture into the bucket; its name there."""
    kind, end = kind_of(picture)
    name = f"pictures/{uuid4().hex}.{end}"
    bucket().put_object(
        Bucket=os.environ["S3_BUCKET"],
        Key=name,
        Body=picture,
        ContentType=kind,
        # A name is never used again.
        CacheControl="public, max-age=31536000, immutable",
    )
    return name


def shown(row):
    number, text, picture, posted = row
    address = f"{os.environ['CDN_URL'].rstrip('/')}/{picture}" if picture else None
    return {"id": number, "text": text, "picture": address, "posted": posted.isoformat() + "Z"}


@app.get("/messages")
def messages(before: int | None = None):
    query = "SELECT id, text, picture, posted FROM messages WHERE id < %s ORDER BY id DESC LIMIT %s"
    with database().cursor() as cursor:
        cursor.execute(query, (before or 2**63 - 1, PAGE))
        return [shown(row) for row in cursor.fetchall()]


@app.post("/messages", status_code=201)
def post(text: str = Form(), picture: UploadFile | None = File(default=None)):
    text = clean_text(text)
    contents = picture.file.read(LARGEST_PICTURE + 1) if picture else b""
    # First the picture: a message never shows one that is not there.
    name = keep(contents) if contents else None
    with database().cursor() as cursor:
        cursor.execute("INSERT INTO messages (text, picture) VALUES (%s, %s)", (text, name))
        cursor.execute("SELECT id, text, picture, posted FROM messages WHERE id = %s", (cursor.lastrowid,))
        return shown(cursor.fetchone())


@app.get("/healthz")
def healthz():
    try:
        with database().cursor() as cursor:
            cursor.execute("SELECT 1 FROM messages LIMIT 1")
    except (pymysql.MySQLError, OSError) as problem:
        log.warning("the database does not answer: %s", problem)
        return JSONResponse({"status": "unhealthy"}, 503)
    return {"status": "ok"}


@app.exception_handler(Unfit)
def unfit(_: Request, problem: Unfit):
    return JSONResponse({"error": str(problem)}, 400)


@app.exception_handler(RequestValidationError)
def malformed(_: Request, problem: RequestValidationError):
    return JSONResponse({"error": "send a form with `text`, and `picture` if you like"}, 400)


@app.exception_handler(pymysql.MySQLError)
@app.exception_handler(BotoCoreError)
@app.exception_handler(ClientError)
def failed(_: Request, problem: Exception):
    log.error("a server does not answer: %s", problem)
    return JSONResponse({"error": "try again in a moment"}, 503)


if __name__ == "__main__":
    socket = Path(os.environ["LISTEN_SOCKET"])
    # What a process that was killed has left would keep this one from listening.
    socket.unlink(missing_ok=True)
    uvicorn.run(
        "main:app",
        uds=str(socket),
        workers=2,
        # nginx tells who asks, and keeps the log of requests.
        proxy_headers=True,
        forwarded_allow_ips="*",
        access_log=False,
        timeout_graceful_shutdown=20,
    )
