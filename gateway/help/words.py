"""The words of a text, so that both databases see the same ones: small letters, without accents and signs."""

import re
import unicodedata
from html import unescape

LONGEST = 60  # characters of a word
LONGEST_TEXT = 50_000  # of an article
SUMMARY = 160
TAG = re.compile(r"<[^<>]*>?")  # looks at each character once, whatever the text
UNREAD = re.compile(r"<(script|style)\b(?:(?!</\1).)*", re.IGNORECASE | re.DOTALL)  # what nobody reads, up to its end
WORD = re.compile(r"[^\W_]+")
UMLAUT = re.compile("([aou])\u0308")  # taken apart into a letter and its dots
ENDING = re.compile(r"(?<=\w{4})(?:en|es|n|s|e|x)$")  # of many words in English, German and French, as in the plural
# In a question they say nothing of what it is about. English, German, French.
EMPTY = {
    "a", "about", "als", "am", "an", "and", "any", "are", "as", "at", "au", "auf", "aus", "aux", "avec", "be", "been",
    "bei", "bin", "bis", "but", "by", "can", "cannot", "ce", "ces", "cette", "comment", "could", "dans", "das",
    "dass", "de", "dem", "den", "der", "des", "did", "die", "do", "does", "don", "du", "ein", "eine", "einem",
    "einen", "einer", "elle", "en", "er", "es", "est", "et", "for", "from", "fur", "habe", "haben", "had", "has",
    "hasn", "hat", "have", "haven", "how", "i", "ich", "if", "ihr", "il", "ils", "im", "in", "is", "isn", "ist", "it",
    "its", "j", "je", "kann", "la", "le", "les", "leur", "ma", "mais", "man", "me", "mein", "meine", "mes", "mir",
    "mit", "mon", "my", "n", "ne", "nicht", "no", "noch", "nos", "not", "notre", "nous", "oder", "of", "on", "or",
    "ou", "our", "par", "pas", "please", "pour", "pourquoi", "qu", "quand", "que", "qui", "s", "sa", "se", "ses",
    "sich", "sie", "sind", "so", "son", "sont", "still", "sur", "t", "that", "the", "their", "there", "they", "this",
    "to", "un", "und", "une", "uns", "unser", "us", "vom", "von", "vos", "votre", "vous", "wann", "war", "warum",
    "was", "we", "wenn", "wer", "what", "when", "where", "which", "who", "why", "wie", "will", "wir", "wird", "with",
    "wo", "would", "you", "your", "zu", "zum", "zur",
}  # fmt: skip


def words_in(text: str) -> list[str]:
    """Give the words in their order."""
    return _words(unicodedata.normalize("NFKD", text.casefold()))


def spellings_in(text: str) -> list[str]:
    """Give the words in their order, each with an umlaut also as who has no such key writes it: "fur", "fuer"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    both = zip(_words(plain), _words(UMLAUT.sub(r"\1e", plain)), strict=True)
    return [spelling for pair in both for spelling in dict.fromkeys(pair)]


def without_ending(word: str) -> str:
    """Leave out an ending that the same word may have or not; what is left has four letters at least."""
    return ENDING.sub("", word)


def _words(plain: str) -> list[str]:
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return [word[:LONGEST] for word in WORD.findall(letters)]


def told(words: list[str]) -> list[str]:
    """Leave out those that say nothing, unless there are no others."""
    return [word for word in words if word not in EMPTY] or words


def text_of(html: str) -> str:
    """Give what can be read of a piece of HTML, in one line. It is for finding things, and is escaped where shown."""
    return " ".join(unescape(TAG.sub(" ", UNREAD.sub(" ", html))).split())


def summary_of(text: str) -> str:
    """Give the beginning of a text, up to a whole word."""
    if len(text) <= SUMMARY:
        return text
    return text[:SUMMARY].rpartition(" ")[0].rstrip(" ,;:.–-") + "…"
