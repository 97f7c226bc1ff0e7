"""The Star Wars API: people, planets and starships, for those who are logged in.

POST   /users                  {"name": "leia", "password": "…"} makes an account
POST   /login                  the same, for a token
GET    /me                     who the token belongs to
DELETE /login                  the token is worth nothing any more
GET    /people, /planets, /starships
GET    /health                 200 when both servers behind it answer, else 503

Users are in MySQL. Tokens are in Redis, which forgets them after an hour.
"""

import logging
import os
import secrets
import threading
from functools import cache
from pathlib import Path

import pymysql
import redis
from flask import Flask, g, jsonify, request
from werkzeug.exceptions import HTTPException, Unauthorized
from werkzeug.security import check_password_hash, generate_password_hash

SHORTEST_PASSWORD = 8
LONGEST = 80
TOKEN_SECONDS = 3600
CATALOGUE = {
    "people": ["Leia Organa", "Luke Skywalker", "Han Solo", "R2-D2"],
    "planets": ["Alderaan", "Hoth", "Tatooine"],
    "starships": ["Millennium Falcon", "X-wing"],
}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 4 * 1024
kept = threading.local()
log = logging.getLogger("starwars")


def secret(name):
    return Path("/run/secrets", name).read_text(encoding="utf-8").strip()


def connect():
    """A connection whose waits all have an end, so that a database that hangs cannot hold all threads for good.

    They are longer than a disk takes when it is busy: what is given up here may be written all the same.
    """
    return pymysql.connect(
        host=os.environ["STARWARS_MYSQL_HOST"],
        database="starwars",
        user="starwars",
        password=secret("mysql-password"),
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
def tokens():
    """Connections to Redis, made when they are needed."""
    return redis.Redis(
        host=os.environ["STARWARS_REDIS_HOST"],
        password=secret("redis-password"),
        decode_responses=True,
        socket_connect_timeout=3,
        socket_timeout=5,
    )


def credentials(body):
    """A name and a password, or a ValueError whose text is for the visitor."""
    if not isinstance(body, dict):
        raise ValueError("send a JSON object with `name` and `password`")
    name, password = body.get("name"), body.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise ValueError("`name` and `password` are texts")
    name = name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise ValueError(f"the name has 1 to {LONGEST} printable characters")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST:
        raise ValueError(f"the password has {SHORTEST_PASSWORD} to {LONGEST} characters")
    return name, password


def token_of(header):
    """The token in an Authorization header."""
    kind, _, token = (header or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def logged_in():
    """The user whom the request's token belongs to."""
    token = token_of(request.headers.get("Authorization"))
    name = tokens().get(f"token:{token}") if token else None
    if name is None:
        raise Unauthorized("log in first, and send the token: `Authorization: Bearer …`")
    g.token = token
    return name


@app.post("/users")
def add_user():
    name, password = credentials(request.get_json())
    with database().cursor() as cursor:
        try:
            cursor.execute(
                "INSERT INTO users (name, password) VALUES (%s, %s)", (name, generate_password_hash(password))
            )
        except pymysql.IntegrityError:
            return jsonify(error="there is somebody of that name"), 409
    return jsonify(name=name), 201


@app.post("/login")
def log_in():
    name, password = credentials(request.get_json())
    with database().cursor() as cursor:
        cursor.execute("SELECT password FROM users WHERE name = %s", (name,))
        row = cursor.fetchone()
    if row is None or not check_password_hash(row[0], password):
        raise Unauthorized("the name or the password is wrong")
    token = secrets.token_urlsafe(32)
    tokens().set(f"token:{token}", name, ex=TOKEN_SECONDS)
    return jsonify(token=token)


@app.delete("/login")
def log_out():
    logged_in()
    tokens().delete(f"token:{g.token}")
    return "", 204


@app.get("/me")
def me():
    return jsonify(name=logged_in())


@app.get("/<any(people, planets, starships):kind>")
def catalogue(kind):
    logged_in()
    return jsonify(CATALOGUE[kind])


@app.get("/health")
def health():
    try:
        with database().cursor() as cursor:
            cursor.execute("SELECT 1 FROM users LIMIT 1")
        tokens().ping()
    except (pymysql.MySQLError, redis.RedisError, OSError) as problem:
        log.warning("unhealthy: %s", problem)
        return jsonify(status="unhealthy"), 503
    return jsonify(status="ok")


@app.errorhandler(ValueError)
def unfit(problem):
    return jsonify(error=str(problem)), 400


@app.errorhandler(HTTPException)
def refused(problem):
    return jsonify(error=problem.description), problem.code


@app.errorhandler(pymysql.MySQLError)
@app.errorhandler(redis.RedisError)
def failed(problem):
    log.error("a server does not answer: %s", problem)
    return jsonify(error="try again in a moment"), 503
