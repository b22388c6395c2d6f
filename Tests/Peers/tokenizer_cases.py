"""Texts that tokenizers disagree about: the inputs of Vise's tokenizer tests, as bytes."""

import random

WORDS = ("Hello world", "I'm", "don't", "we'll", "they've", "you're", "he'd", "it's")


def contractions():
    for suffix in ("s", "t", "re", "ve", "m", "ll", "d", "x", "", "r", "l"):
        for form in (suffix, suffix.upper(), suffix.capitalize(), suffix[:1] + suffix[1:].upper()):
            yield f"it'{form} A'{form}b '{form}' {form}'"


def whitespace():
    for unit in (" ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u3000", "\u2003", "\u0085", "\v", "\f"):
        for count in (1, 2, 3, 4, 7, 8, 16, 17, 33):
            yield f"a{unit * count}b{unit * count}"
    yield from ("", " ", "  ", "\n", "\n\n", "\n\n\n", "\t\n", " \n \n ", "\r\n\r\n", "\n \n\t\n")
    yield from (" a", "  a", "a ", "a  ", "a \n", "a\n ", " \n a", "x  1", "x   12", "1  x", "\u200b \u200b")
    yield "a \u00a0 b\u2028c\u2029d\u1680e\u180ef\ufeffg\u205fh\u202fi"


def numbers():
    yield from ("1", "12", "123", "1234", "12345", "123456", "1234567", "3.14159", "1,000,000", "-1e-10")
    yield from ("x1y22z333", " 1 22 333 4444", "0x7fFF", "½ ¾ ²³ ₁₂", "٠١٢٣٤٥", "०१२३", "Ⅷ ⅻ ①②③ 一二三", "𝟘𝟙𝟚")


def scripts():
    yield from (
        "你好，世界！今天天气很好。", "漢字とひらがなとカタカナ、ー々〆", "안녕하세요 세계", "한국어 한글", "ภาษาไทยไม่มีช่องว่าง",
        "العَرَبِيَّة مع تشكيل", "עִבְרִית עם ניקוד", "हिन्दी क्षत्रिय ज्ञान", "தமிழ் மொழி", "Ελληνικά ΐ ΰ", "Русский ёЁ йЙ",
        "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "አማርኛ", "ᏣᎳᎩ", "𐍈𐌰𐌽", "𒀀𒁀", "𠀀𠮷𪚥", "ꙮ", "ﬁ ﬂ ﬃ ﬆ", "ß ẞ ſ K Å", "Ǆ ǅ ǆ ʰ ˀ",
        "Tiếng Việt: đường phố", "İstanbul ıI", "naïve café Zoë", "cafe\u0301 nai\u0308ve", "Z̸̡̢a̴l͜g̷o̶", "e\u0301\u0323o\u0328\u0304",
        "\u1112\u1161\u11ab\u1100\u1173\u11af", "ｆｕｌｌ ｗｉｄｔｈ １２３！", "ﷺ ﷽", "\u0e33\u0e4d\u0e32",
    )


def symbols():
    yield from (
        "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🇩🇪🇫🇷", "❤️ ❤ ☠️ ⚡", "🙂🙃🙂🙃", "a👍b 👍🏿", "🧑🏻‍❤️‍💋‍🧑🏿", "©®™ €£¥₿", "→⇒∀∃∈ℝ ≠≤≥", "…—–‘’“”„‚",
        "!!!???...,,,;;;:::", "(((nested [brackets] {here})))", "<<>> << >>", "a/b\\c|d", "#hashtag @user $var %d ^_^ &amp; *x*",
        "`code` ~~strike~~ **bold** __init__", "==========", "----------", "________", "....................", "* * * * *",
        "!\n", "?!\n\n", "...\r\n\r\n", " !\n a", "a'\n'b", "''''", "\"'\"'\"", "'", "' ", " '", "'s", "'S", "''s", "'ſ", "it'ſ", "I'ſt",
        "\u0000", "a\u0000b", "\u0001\u0002\u001f\u007f\u0080\u009f", "\u200d\u200c\u2060", "\u0300", "\u0300a", " \u0300", "\ufffd\ufffd",
        "\ue000\uf8ff", "\U000f0000", "\U0010ffff", "\u0378\u0560\u05ff", "\U0001f9cc\U0001fae8", "\u2ffc\u31ef", "\U0002ebf0\U000323af",
        "\u1c89\ua7cb\U00010d50\U00016d40", "▁", "▁▁a▁b", "a▁ b", "Ġ Ċ Ã©",
    )


def code():
    yield from (
        "def f(x):\n    return x ** 2  # square\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", "if x == 1:\r\n\tpass\r\n",
        "SELECT * FROM t WHERE a='b' AND c<>0;", "https://example.com/a?b=c&d=%20e#f", "user@example.com", "C:\\Users\\me\\file.txt",
        "<div class=\"a\">text</div>", "{\"key\": [1, 2.5, null, true]}", "0b1010 0o17 0xDEADBEEF", "camelCaseWord snake_case_word SCREAMING_CASE kebab-case",
        "std::vector<std::pair<int, int>> v;", "λx.λy.x", "a+=1;b-=2;c*=3;d/=4", "'''doc'''\n\"\"\"doc\"\"\"", "\\n\\t\\u0041", "#!/bin/sh\nset -eu\n",
    )


def special():
    yield from (
        "<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n", "<|begin_of_text|>Hi<|end_of_text|>",
        "<|endoftext|><|endoftext|>", "a <|endoftext|> b", "a  <|endoftext|>  b", "<|endoftext|", "<|endoftext|>>", "<<|endoftext|>>", "<start_of_turn>user\nHi<end_of_turn>",
        "<0x41><0x0A>", "[INST] x [/INST]", "<|im_start|><|im_end|>", " <s> a </s> ", "<unused0><unused12>", "<table><tr></tr></table>", "<mask>", "<extra_id_0> a <extra_id_1>",
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n",
    )


def long_words():
    yield "a" * 300
    yield "ab" * 200
    yield "supercalifragilisticexpialidocious" * 12
    yield "字" * 150
    yield "🙂" * 60
    yield "=" * 257
    yield " " * 257 + "x"
    yield "\n" * 130
    yield "9" * 130
    yield "aA1!" * 64


def invalid():
    yield from (
        b"\x80", b"\xff", b"\xfe\xff", b"abc\xffdef", b"\xc3", b"\xc3(", b"a\xe2\x82", b"\xe2\x82 b", b"\xf0\x9f\x98", b"\xf0\x9f\x98 x", b"\xf0\x9f a",
        b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf x", b"\xf0\x80\x80\x80", b"a\x80\x80b", b"\x80 \x80", b" \xff \xff\n",
        b"caf\xe9 na\xefve", b"\xe4\xbd\xa0\xe5\xa5", b"\xe4\xbd\xa0\xe5\xa5 ok", b"\xc3\xa9\xc3", b"\xff" * 20, b"\xe2\x96", b"\xe2\x96 \x81", b"\xf8\x88\x80\x80\x80", b"1\xff2",
    )


def random_mixes(count):
    random.seed(20240607)
    parts = ["a", "Z", "the", " ", "  ", "\n", "\t", "1", "23", "'", "'s", "'LL", ".", "!?", "é", "字", "🙂", "\u0301", "ñ", "-", "_", "\r\n", " \n", "ing", "tion"]
    for _ in range(count):
        yield "".join(random.choice(parts) for _ in range(random.randint(2, 24)))


def cases():
    """All texts, without repeats, in a fixed order."""
    texts = list(WORDS)
    for family in (contractions, whitespace, numbers, scripts, symbols, code, special, long_words):
        texts += family()
    texts += random_mixes(60)
    encoded = [text.encode("utf-8") for text in texts] + list(invalid())
    return list(dict.fromkeys(encoded))


def family(name, file, texts, encode):
    """What one vocabulary makes of the texts; `encode` takes a text and two switches."""
    special = {
        str(index): encode(text, True, True)
        for index, text in enumerate(texts) if index < 24 or b"<" in text or b"[" in text
    }
    return {
        "name": name, "file": file, "plain": [encode(text, False, False) for text in texts],
        "special": special,
    }


if __name__ == "__main__":
    print(len(cases()), "texts,", sum(map(len, cases())), "bytes")
