"""An archive of made-up reviews in the form of the real one, which has 50,000 files and takes a minute to unpack."""

import io
import tarfile
from dataclasses import replace

import numpy as np

from datasets import imdb_reviews

COUNT = 30  # reviews in a folder
WORDS = [f"{letter}{number:03d}" for letter in "abcdefg" for number in range(100)]


def texts(seed=0):
    """Folder to reviews: 40 of 700 words each, with tags and stop words between them."""
    rng = np.random.default_rng(seed)
    return {
        folder: [" the ".join(rng.choice(WORDS, 40)) + "<br /><br />And" for _ in range(COUNT)]
        for folder in imdb_reviews.FOLDERS
    }


def pack(mirror, reviews):
    """Write the archive into a mirror, with members that the real one has and nobody wants."""
    path = mirror / imdb_reviews.NAME / imdb_reviews.SOURCE.forms[0].file
    path.parent.mkdir(parents=True)
    members = {f"{folder}/{i}_7.txt": text for folder, made in reviews.items() for i, text in enumerate(made)}
    members |= {"train/unsup/0_0.txt": "unlabelled", "train/labeledBow.feat": "9 0:1", "README": "read me"}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def expect_them(patch, reviews):
    """Let the data set take them for the real ones; `patch` is a pytest.MonkeyPatch."""
    source = imdb_reviews.SOURCE
    sizes = [len(text.encode()) for made in reviews.values() for text in made]
    patch.setattr(imdb_reviews, "SOURCE", replace(source, forms=(replace(source.forms[0], digest=None),)))
    patch.setattr(imdb_reviews, "COUNT", COUNT)
    patch.setattr(imdb_reviews, "BYTES", (min(sizes), max(sizes)))
