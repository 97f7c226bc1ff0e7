"""python -m unittest"""

import os
import tempfile
import unittest

import schema
from app import app


class Api(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.environ["STATE_DIRECTORY"] = folder.name
        schema.main()
        self.client = app.test_client()

    def ask(self, method, path, expected, **options):
        answer = self.client.open(path, method=method, **options)
        self.assertEqual(answer.status_code, expected, answer.get_data(as_text=True))
        return answer.get_json()

    def test_the_first_places_are_made_once(self):
        schema.main()
        places = self.ask("GET", "/places", 200)
        self.assertEqual(len(places), len(schema.PLACES))
        self.assertEqual(self.ask("GET", "/places/1", 200), places[0])

    def test_a_place_is_added_looked_up_and_edited(self):
        cove = {"name": " Shaw's Cove 50% ", "latitude": 33.5449, "longitude": -117.7997}
        added = self.ask("POST", "/places", 201, json=cove)
        self.assertEqual((added["name"], added["kind"], added["note"]), ("Shaw's Cove 50%", "beach", ""))
        found = self.ask("GET", "/places?search=SHAW'S", 200)
        self.assertEqual(found, [added])
        self.assertEqual(self.ask("GET", "/places?search=0%25", 200), [added])
        self.assertEqual(self.ask("GET", "/places?search=_", 200), [])
        edited = self.ask("PUT", f"/places/{added['id']}", 200, json={"note": "Tide pools."})
        self.assertEqual(edited, {**added, "note": "Tide pools."})
        self.assertEqual(self.ask("GET", f"/places/{added['id']}", 200), edited)

    def test_sightings_are_of_a_place(self):
        seen = {"place": 5, "species": "Zalophus californianus", "day": "2026-05-31"}
        added = self.ask("POST", "/sightings", 201, json=seen)
        self.assertEqual(added["count"], 1)
        self.assertEqual(self.ask("GET", "/sightings?place=5", 200), [added])
        self.assertEqual(self.ask("GET", "/sightings?place=6", 200), [])
        edited = self.ask("PUT", f"/sightings/{added['id']}", 200, json={"count": 3})
        self.assertEqual(edited["count"], 3)
        for wrong in [{"place": 999}, {"place": True}, {"place": 2**70}, {"day": "31.5."}, {"count": 1.5}, {"count": 0}]:
            self.ask("POST", "/sightings", 400, json={**seen, **wrong})

    def test_what_cannot_be_kept_is_refused_with_a_reason(self):
        good = {"name": "x", "latitude": 1, "longitude": 1}
        for wrong in [
            {"name": ""},
            {"name": 7},
            {"name": "a" * 81},
            {"name": "a\nb"},
            {"latitude": "33"},
            {"latitude": 90.5},
            {"longitude": True},
            {"longitude": float("nan")},
            {"kind": "cave"},
            {"kind": []},
            {"colour": "red"},
        ]:
            with self.subTest(wrong):
                self.assertIn("error", self.ask("POST", "/places", 400, json={**good, **wrong}))
        self.ask("POST", "/places", 400, json={"name": "nowhere"})
        for body, kind in [(b"{", "application/json"), (b"[]", "application/json"), (b"name=x", "text/plain")]:
            self.ask("POST", "/places", 400, data=body, content_type=kind)
        self.ask("POST", "/places", 413, data=b" " * 20000, content_type="application/json")
        self.assertEqual(len(self.ask("GET", "/places", 200)), len(schema.PLACES))

    def test_what_is_not_there_is_told(self):
        for method, path in [("GET", "/places/999"), ("PUT", "/places/999"), ("GET", f"/places/{2**70}"), ("GET", "/x")]:
            self.ask(method, path, 404, json={})
        self.ask("DELETE", "/places/1", 405)

    def test_only_pages_of_named_origins_may_read(self):
        os.environ["ALLOWED_ORIGINS"] = "https://www.example.com https://example.com"
        self.addCleanup(os.environ.pop, "ALLOWED_ORIGINS")
        allowed = "Access-Control-Allow-Origin"
        for origin, expected in [("https://example.com", "https://example.com"), ("https://evil.example", None)]:
            answer = self.client.options("/places/1", headers={"Origin": origin})
            self.assertEqual(answer.headers.get(allowed), expected)

    def test_a_database_that_is_gone_is_told(self):
        os.environ["STATE_DIRECTORY"] = "/nowhere"
        self.ask("GET", "/healthz", 503)


if __name__ == "__main__":
    unittest.main()
