"""Books: a list of post-apocalyptic fiction, and changes to it.

GET  /books        all books, the oldest first
GET  /books/ID     one of them
PUT  /books/ID     {"title": …, "author": …, "year": …, "about": …} changes it
GET  /healthz      200 when the database answers, else 503
"""

import logging
import os
from functools import cache
from pathlib import Path

from flask import Flask, jsonify, request
from pymongo import ASCENDING, MongoClient, ReturnDocument
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

LONGEST = {"title": 200, "author": 200, "about": 2000}
YEARS = range(1000, 3000)
LARGEST_BODY = 16 * 1024
MOST_BOOKS = 1000

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
app.json.ensure_ascii = False
app.json.sort_keys = False
log = logging.getLogger("books")


def database_url():
    """From a file, which only this service can read, or as it is."""
    if path := os.environ.get("MONGODB_URL_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ["MONGODB_URL"]


@cache
def database():
    """One client for each process: it keeps connections, and finds a server again that was away."""
    wait = {"serverSelectionTimeoutMS": 3000, "connectTimeoutMS": 3000, "socketTimeoutMS": 5000}
    return MongoClient(database_url(), **wait).get_default_database("books")


def told(book):
    return {"id": book["_id"], **{key: book[key] for key in ("title", "author", "year", "about")}}


def clean(body):
    """The book that a request asks to keep, or a ValueError whose text is for the visitor."""
    if not isinstance(body, dict):
        raise ValueError("send a JSON object")
    book = {}
    for key, longest in LONGEST.items():
        text = body.get(key)
        if not isinstance(text, str):
            raise ValueError(f"`{key}` is not a text")
        book[key] = text.strip()
        if not book[key] and key != "about":
            raise ValueError(f"`{key}` is empty")
        if len(book[key]) > longest:
            raise ValueError(f"`{key}` is longer than {longest} characters")
    year = body.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or year not in YEARS:
        raise ValueError(f"`year` is not a number from {YEARS.start} to {YEARS.stop - 1}")
    return {**book, "year": year}


@app.get("/books")
def list_books():
    books = database().books.find().sort([("year", ASCENDING), ("_id", ASCENDING)])
    return jsonify([told(book) for book in books.limit(MOST_BOOKS)])


@app.get("/books/<book_id>")
def one_book(book_id):
    book = database().books.find_one({"_id": book_id})
    return jsonify(told(book)) if book else (jsonify(error="there is no such book"), 404)


@app.put("/books/<book_id>")
def change_book(book_id):
    if not request.is_json:
        return jsonify(error="send JSON, with the header Content-Type: application/json"), 400
    try:
        changed = clean(request.get_json())
    except ValueError as problem:
        return jsonify(error=str(problem)), 400
    book = database().books.find_one_and_update(
        {"_id": book_id}, {"$set": changed}, return_document=ReturnDocument.AFTER
    )
    return jsonify(told(book)) if book else (jsonify(error="there is no such book"), 404)


@app.get("/healthz")
def healthz():
    try:
        database().books.find_one({}, {"_id": 1})
    except PyMongoError as problem:
        log.warning("the database does not answer: %s", problem)
        return jsonify(status="unhealthy", database="no answer"), 503
    return jsonify(status="ok")


@app.errorhandler(HTTPException)
def refused(problem):
    return jsonify(error=problem.description), problem.code


@app.errorhandler(PyMongoError)
def database_failed(problem):
    log.error("the database failed: %s", problem)
    return jsonify(error="the database does not answer, try again in a moment"), 503


@app.after_request
def keep_nothing(response):
    response.headers["Cache-Control"] = "no-store"
    return response
