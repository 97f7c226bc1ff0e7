"""Names: a list that keeps every name it is given.

GET  /names    the names, the newest last
POST /names    {"name": "Ada"} adds one
GET  /healthz  200 when the database answers, else 503
"""

import logging
import os
import threading
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

LONGEST_NAME = 80
LARGEST_BODY = 4 * 1024
MOST_ROWS = 500

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
app.json.ensure_ascii = False
kept = threading.local()
log = logging.getLogger("names")


def connect():
    """A connection whose waits all have an end, so that a database that hangs cannot hold all threads for good.

    They are longer than a disk takes when it is busy: what is given up here may be written all the same.
    """
    return pymysql.connect(
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


def clean_name(value):
    """The name that a request asks to keep, or a ValueError whose text is for the visitor."""
    if not isinstance(value, str):
        raise ValueError("send a JSON object with a text `name`")
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        raise ValueError("the name is empty")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name is longer than {LONGEST_NAME} characters")
    # Cc: control characters; Cs: halves of a pair, which are no text; Zl, Zp: line breaks.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise ValueError("the name contains a control character")
    return name


@app.get("/names")
def list_names():
    with database().cursor() as cursor:
        cursor.execute("SELECT name FROM names ORDER BY id DESC LIMIT %s", (MOST_ROWS,))
        newest_first = [name for (name,) in cursor.fetchall()]
    return jsonify(newest_first[::-1])


@app.post("/names")
def add_name():
    if not request.is_json:
        return jsonify(error="send JSON, with the header Content-Type: application/json"), 400
    body = request.get_json()
    try:
        name = clean_name(body.get("name") if isinstance(body, dict) else None)
    except ValueError as problem:
        return jsonify(error=str(problem)), 400
    with database().cursor() as cursor:
        cursor.execute("INSERT INTO names (name) VALUES (%s)", (name,))
    return jsonify(name=name), 201


@app.get("/healthz")
def healthz():
    try:
        with database().cursor() as cursor:
            cursor.execute("SELECT 1 FROM names LIMIT 1")
    except (pymysql.MySQLError, OSError) as problem:
        log.warning("the database does not answer: %s", problem)
        return jsonify(status="unhealthy", database="no answer"), 503
    return jsonify(status="ok")


@app.errorhandler(HTTPException)
def refused(problem):
    return jsonify(error=problem.description), problem.code


@app.errorhandler(pymysql.MySQLError)
def database_failed(problem):
    log.error("the database failed: %s", problem)
    return jsonify(error="the database does not answer, try again in a moment"), 503


@app.after_request
def allow_page(response):
    """Lets the page read answers when it was opened under another name of the same host, or on another port of it.

    ALLOWED_ORIGIN names one more origin, such as https://www.example.com.
    """
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin and origin_is_allowed(origin, request.host, os.environ.get("ALLOWED_ORIGIN", "")):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    response.headers["Cache-Control"] = "no-store"
    return response


def origin_is_allowed(origin, host, allowed):
    if allowed and origin == allowed:
        return True
    try:
        return urlsplit(origin).hostname == urlsplit(f"//{host}").hostname
    except ValueError:
        return False
