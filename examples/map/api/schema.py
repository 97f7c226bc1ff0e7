"""Makes the tables and, once, the first places. Runs before each release gets requests, so it must be safe to run again."""

from store import database

TABLES = """
CREATE TABLE IF NOT EXISTS places (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sightings (
    id INTEGER PRIMARY KEY,
    place INTEGER NOT NULL REFERENCES places (id),
    species TEXT NOT NULL,
    count INTEGER NOT NULL,
    day TEXT NOT NULL
);
"""

PLACES = [
    ("Pacific Marine Mammal Center", "center", 33.5733, -117.7622, "Cares for seals and sea lions until they can go back."),
    ("Seal Beach Pier", "pier", 33.7379, -118.1076, ""),
    ("Huntington Beach Pier", "pier", 33.6553, -118.0050, "Sea lions rest below it."),
    ("Newport Harbor", "harbor", 33.6036, -117.9000, "Sea lions on the floats."),
    ("Crystal Cove", "beach", 33.5716, -117.8408, "Pups come ashore in spring."),
    ("Main Beach, Laguna", "beach", 33.5421, -117.7855, ""),
    ("Aliso Beach", "beach", 33.5100, -117.7525, ""),
    ("Dana Point Harbor", "harbor", 33.4592, -117.6981, "Boats bring in animals that were caught in nets."),
    ("San Clemente Pier", "pier", 33.4190, -117.6215, ""),
]


def main():
    with database() as connection:
        # Readers and one writer do not wait for each other.
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(TABLES)
        if connection.execute("SELECT COUNT(*) FROM places").fetchone()[0] == 0:
            columns = "name, kind, latitude, longitude, note"
            connection.executemany(f"INSERT INTO places ({columns}) VALUES (?, ?, ?, ?, ?)", PLACES)
    print("tables are ready")


if __name__ == "__main__":
    main()
