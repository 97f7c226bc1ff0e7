"""What can be tested without a database: python -m unittest"""

import unittest

from main import LARGEST_BODY, app, clean_name, origin_is_allowed


class CleanName(unittest.TestCase):
    def test_names_are_trimmed_and_kept(self):
        for given, kept in [(" Ada ", "Ada"), ("e\u0301", "é"), ("<b>'\"", "<b>'\""), ("😀", "😀"), ("a" * 80, "a" * 80)]:
            self.assertEqual(clean_name(given), kept)

    def test_what_is_no_name_is_refused(self):
        for given in [None, 7, [], "", "   ", "a" * 81, "a\nb", "a\0b", "\u2028x y\u2029z", "a\x1b[31m", "\ud800"]:
            with self.subTest(given), self.assertRaises(ValueError):
                clean_name(given)


class Requests(unittest.TestCase):
    def setUp(self):
        self.client = app.test_client()

    def test_a_bad_request_never_reaches_the_database(self):
        for body, kind, status in [
            (b"{", "application/json", 400),
            (b"[]", "application/json", 400),
            (b"{}", "application/json", 400),
            (b"name=Ada", "application/x-www-form-urlencoded", 400),
            (b'{"name": "' + b"a" * LARGEST_BODY + b'"}', "application/json", 413),
        ]:
            with self.subTest(body[:20]):
                answer = self.client.post("/names", data=body, content_type=kind)
                self.assertEqual(answer.status_code, status)
                self.assertIn("error", answer.get_json())

    def test_origins(self):
        for origin, host, allowed, expected in [
            ("http://203.0.113.10", "203.0.113.10:8080", "", True),
            ("http://[::1]:80", "[::1]", "", True),
            ("https://www.example.com", "example.com", "https://www.example.com", True),
            ("https://evil.example", "example.com", "", False),
            ("null", "example.com", "", False),
            ("http://[", "example.com", "", False),
        ]:
            self.assertEqual(origin_is_allowed(origin, host, allowed), expected, origin)


if __name__ == "__main__":
    unittest.main()
