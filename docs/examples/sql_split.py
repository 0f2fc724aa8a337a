"""What a migration does with a dump: `sql_split.py FILE` has sqlparse find its statements; `sql_split.py FILE quick`
with a lexer that asks one regular expression instead of some fifty."""

import hashlib
import re
import resource
import sys

import sqlparse
from sqlparse import keywords, tokens
from sqlparse.lexer import Lexer
from sqlparse.utils import consume


class QuickLexer(Lexer):
    """Alternatives of one expression are tried in the order of the list, too, but within one call of match."""

    def set_SQL_REGEX(self, SQL_REGEX):
        self.actions = [action for _, action in SQL_REGEX]
        groups = (f"(?P<x{number}>{text})" for number, (text, _) in enumerate(SQL_REGEX))
        self.match = re.compile("|".join(groups), re.IGNORECASE | re.UNICODE).match

    def get_tokens(self, text, encoding=None):
        spans = keywords.find_delimited_spans(text)
        places = enumerate(text)
        for at, char in places:
            span = spans.resolve(at) if at in spans.openers else None
            found = None if span else self.match(text, at)
            end = span[0] if span else found.end() if found else at + 1
            if span:
                yield span[1], text[at:end]
            elif not found:
                yield tokens.Error, char
            else:
                action = self.actions[int(found.lastgroup[1:])]
                keyword = action is keywords.PROCESS_AS_KEYWORD
                yield self.is_keyword(found.group()) if keyword else (action, found.group())
            consume(places, end - at - 1)


if "quick" in sys.argv:
    lexer = QuickLexer()
    lexer.default_initialization()
    Lexer._default_instance = lexer
with open(sys.argv[1]) as file:
    text = file.read()
statements = sqlparse.split(text)
seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime
print(len(statements), hashlib.sha256("\0".join(statements).encode()).hexdigest()[:16], seconds)
