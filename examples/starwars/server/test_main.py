"""What needs neither MySQL nor Redis: python -m unittest"""

import unittest

import main


class Credentials(unittest.TestCase):
    def test_a_name_and_a_password_are_taken_as_they_are(self):
        self.assertEqual(main.credentials({"name": " leia ", "password": "a new hope"}), ("leia", "a new hope"))

    def test_what_is_neither_is_told(self):
        for body in (None, [], {}, {"name": "leia"}, {"name": "", "password": "a new hope"}):
            with self.assertRaises(ValueError):
                main.credentials(body)
        for password in ("short", "x" * 81, 12345678):
            with self.assertRaises(ValueError):
                main.credentials({"name": "leia", "password": password})


class Tokens(unittest.TestCase):
    def test_only_a_bearer_token_counts(self):
        self.assertEqual(main.token_of("Bearer abc"), "abc")
        for header in (None, "", "Bearer", "Bearer ", "Basic abc"):
            self.assertIsNone(main.token_of(header))


class Requests(unittest.TestCase):
    def test_a_wrong_body_is_refused_before_any_server_is_asked(self):
        client = main.app.test_client()
        answer = client.post("/users", json={"name": "leia", "password": "short"})
        self.assertEqual(answer.status_code, 400)
        self.assertIn("password", answer.get_json()["error"])

    def test_without_a_token_nothing_is_told(self):
        for path in ("/me", "/people", "/planets", "/starships"):
            answer = main.app.test_client().get(path)
            self.assertEqual(answer.status_code, 401, path)


if __name__ == "__main__":
    unittest.main()
