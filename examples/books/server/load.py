"""Loads the books of books.json that the database does not have. What visitors changed stays as it is."""

import json
import sys
import time
from pathlib import Path

from pymongo.errors import ConnectionFailure

from main import clean, database

PATIENCE = 30  # seconds that the database may take to come up
SAMPLES = Path(__file__).with_name("books.json")


def load(books):
    added = 0
    for book in books:
        kept = {"$setOnInsert": clean(book)}
        added += database().books.update_one({"_id": book["id"]}, kept, upsert=True).upserted_id is not None
    return added


def main():
    books = json.loads(SAMPLES.read_text(encoding="utf-8"))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            print(f"{load(books)} of {len(books)} books were loaded, the others are there")
            return 0
        except ConnectionFailure as problem:
            if time.monotonic() >= deadline:
                print(f"no database after {PATIENCE} s: {problem}", file=sys.stderr)
                return 1
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
