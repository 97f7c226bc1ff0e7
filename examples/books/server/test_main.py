"""The tests that need no database: `python -m unittest`."""

import json
import unittest
from pathlib import Path

import main

BOOK = {"title": " The Road ", "author": "Cormac McCarthy", "year": 2006, "about": ""}


class Clean(unittest.TestCase):
    def test_a_book_is_kept_without_blanks_at_its_ends(self):
        self.assertEqual(main.clean(BOOK)["title"], "The Road")

    def test_what_is_no_book_is_refused_in_words(self):
        for change, says in [
            ({"title": " "}, "`title` is empty"),
            ({"author": 5}, "`author` is not a text"),
            ({"about": "x" * 2001}, "`about` is longer than 2000 characters"),
            ({"year": "2006"}, "`year` is not a number"),
            ({"year": True}, "`year` is not a number"),
            ({"year": 3000}, "`year` is not a number"),
        ]:
            with self.subTest(says), self.assertRaisesRegex(ValueError, says):
                main.clean({**BOOK, **change})
        with self.assertRaises(ValueError):
            main.clean([BOOK])

    def test_all_samples_are_books_with_ids_of_their_own(self):
        books = json.loads(Path(main.__file__).with_name("books.json").read_text(encoding="utf-8"))
        self.assertEqual(len({book["id"] for book in books}), len(books))
        for book in books:
            main.clean(book)


class Requests(unittest.TestCase):
    def test_bad_requests_are_answered_before_the_database_is_asked(self):
        visitor = main.app.test_client()
        self.assertEqual(visitor.put("/books/x", data="{}").status_code, 400)
        answer = visitor.put("/books/x", json={**BOOK, "year": None})
        self.assertEqual(answer.status_code, 400)
        self.assertIn("year", answer.get_json()["error"])
        self.assertEqual(visitor.put("/books/x", json={"about": "x" * 20000}).status_code, 413)
        self.assertEqual(visitor.get("/other").status_code, 404)


if __name__ == "__main__":
    unittest.main()
