"""What can be tested without a database and a bucket: python -m unittest"""

import os
import unittest
from datetime import datetime

from main import LARGEST_PICTURE, LONGEST_TEXT, Unfit, clean_text, kind_of, shown

PNG = b"\x89PNG\r\n\x1a\n"


class Texts(unittest.TestCase):
    def test_texts_are_trimmed_and_kept(self):
        for given, kept in [(" hello ", "hello"), ("a\r\nb", "a\nb"), ("<b>'\"", "<b>'\""), ("e\u0301", "é"), ("😀", "😀")]:
            self.assertEqual(clean_text(given), kept)

    def test_what_is_no_text_is_refused(self):
        for given in ["", " \n ", "a\0b", "a\x1b[31m", "\ud800", "a" * (LONGEST_TEXT + 1)]:
            with self.subTest(given[:10]), self.assertRaises(Unfit):
                clean_text(given)


class Pictures(unittest.TestCase):
    def test_the_type_is_what_the_file_holds(self):
        for beginning, kind in [(PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"RIFF0000WEBP", "image/webp")]:
            self.assertEqual(kind_of(beginning + b"...")[0], kind)

    def test_what_is_no_picture_is_refused(self):
        for given in [b"<svg onload='alert(1)'>", b"GIF", b"RIFF0000WAVE", PNG + b"0" * LARGEST_PICTURE]:
            with self.subTest(given[:10]), self.assertRaises(Unfit):
                kind_of(given)

    def test_visitors_get_pictures_from_the_cdn(self):
        os.environ["CDN_URL"] = "https://pictures.example.com/"
        row = (7, "hello", "pictures/a.png", datetime(2026, 5, 31, 12))
        self.assertEqual(shown(row)["picture"], "https://pictures.example.com/pictures/a.png")
        self.assertIsNone(shown((7, "hello", None, datetime(2026, 5, 31)))["picture"])


if __name__ == "__main__":
    unittest.main()
