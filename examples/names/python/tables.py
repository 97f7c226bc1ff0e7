"""Makes the tables. Runs before each release gets requests, so it must be safe to run again."""

import sys
import time

import pymysql

from main import LONGEST_NAME, database

PATIENCE = 30  # seconds that the database may take to come up

NAMES = f"""
CREATE TABLE IF NOT EXISTS names (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR({LONGEST_NAME}) NOT NULL,
    added TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) CHARACTER SET utf8mb4
"""


def main():
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with database().cursor() as cursor:
                cursor.execute(NAMES)
            print("tables are ready")
            return 0
        except pymysql.err.OperationalError as problem:
            if time.monotonic() >= deadline:
                print(f"no database after {PATIENCE} s: {problem}", file=sys.stderr)
                return 1
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
