"""Sentences as the lessons get them: signed, from four sources, in a fixed order."""

import io
import tarfile

import numpy as np
import pytest

from fedlab.data import TEXT_SOURCES, Sentences, cached, sentiment
from fedlab.data.sentences import _FILES, read_sentences


@pytest.fixture
def archive(tmp_path):
    """An archive in the form of the data set: ten sentences a source, the last of them neutral."""
    path = tmp_path / "sentences.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        for source, file in zip(TEXT_SOURCES, _FILES.values(), strict=True):
            ratings = [2.5, -0.05, 3.0, -4.0, 1.0, 0.05, -1.0, 2.0, -2.0, 0.0]
            rows = [f"{n}_1\t{rating}\t{source} {n}" for n, rating in enumerate(ratings)]
            data = "".join(f"{row} – “ok”\x85\n.\r\n" for row in rows).encode()
            about = tarfile.TarInfo(file)
            about.size = len(data)
            out.addfile(about, io.BytesIO(data))
    return path


def both(archive):
    split = read_sentences(archive)
    return split.train, split.test


def test_a_label_is_the_sign_of_the_rating_and_a_neutral_sentence_is_left_out(archive):
    signs = [1, 0, 1, 0, 1, 1, 0, 1, 0]
    seen = {}
    for part in both(archive):
        for text, label in zip(part.texts, part.labels, strict=True):
            seen[text.partition(" –")[0]] = label
    assert seen == {f"{name} {n}": signs[n] for name in TEXT_SOURCES for n in range(9)}


def test_texts_are_unicode_and_whole(archive):
    for part in both(archive):
        assert all(text.endswith(" – “ok”\x85\n.") for text in part.texts)


def test_every_fifth_sentence_of_each_source_is_held_back(archive):
    _, test = both(archive)
    names = sorted(text.partition(" –")[0] for text in test.texts)
    assert names == sorted(f"{name} {n}" for name in TEXT_SOURCES for n in (0, 5))


def test_a_sentence_knows_its_source(archive):
    for part in both(archive):
        assert (part.labels.dtype, part.sources.dtype) == (np.int64, np.int64)
        for text, source in zip(part.texts, part.sources, strict=True):
            assert text.startswith(TEXT_SOURCES[source])


def test_the_order_is_shuffled_and_always_the_same(archive):
    (first, _), (second, _) = both(archive), both(archive)
    assert first.texts == second.texts
    assert np.array_equal(first.labels, second.labels)
    assert list(first.sources) != sorted(first.sources)


def test_sentences_are_taken_in_the_order_asked_for_and_are_read_only(archive):
    train, _ = both(archive)
    some = train.take(np.array([3, 0, 3]))
    assert some.texts == tuple(train.texts[i] for i in (3, 0, 3))
    assert list(some.labels) == [train.labels[i] for i in (3, 0, 3)]
    assert list(some.sources) == [train.sources[i] for i in (3, 0, 3)]
    assert len(some) == 3
    assert len(train.take([])) == 0
    for part in (train, some):
        for array in (part.labels, part.sources):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    with pytest.raises(IndexError):
        train.take([len(train)])


def test_a_label_and_a_source_are_wanted_for_each_text():
    with pytest.raises(ValueError, match="got 2 texts, 2 labels and 1 sources"):
        Sentences(("a", "b"), np.zeros(2, np.int64), np.zeros(1, np.int64))


def test_the_course_has_23320_sentences_of_four_sources():
    if cached("sentiment") is None:
        pytest.skip("the sentences are not in the cache: run python -m fedlab.data")
    split = sentiment()
    assert (len(split.train), len(split.test)) == (18_654, 4_666)
    sources = np.concatenate([split.train.sources, split.test.sources])
    labels = np.concatenate([split.train.labels, split.test.labels])
    # 4,200, 3,708, 10,605 and 5,190, less 4, 98, 37 and 244 of no side
    assert list(np.bincount(sources)) == [4_196, 3_610, 10_568, 4_946]
    assert [int(labels[sources == s].sum()) for s in range(4)] == [2_897, 2_128, 5_242, 2_204]
    assert np.bincount(split.train.sources[:200]).min() > 10
    assert not any(text != text.strip("\r\n\t") for text in split.train.texts)
    assert sum("–" in text for text in split.train.texts + split.test.texts) > 0
