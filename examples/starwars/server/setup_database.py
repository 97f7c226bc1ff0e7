"""Makes the tables, and ends. Runs before the server starts, so it must be safe to run again."""

from main import LONGEST, database

USERS = f"""
CREATE TABLE IF NOT EXISTS users (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR({LONGEST}) NOT NULL UNIQUE,
    password VARCHAR(255) NOT NULL
) CHARACTER SET utf8mb4
"""

if __name__ == "__main__":
    with database().cursor() as cursor:
        cursor.execute(USERS)
    print("the tables are there")
