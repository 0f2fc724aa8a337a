# SPDX-License-Identifier: MIT
"""What real programs do: the standard library's parsers and formatters over this very file."""

import sys

sys.path_importer_cache.clear()
import ast
import copy
import csv
import difflib
import fractions
import html.parser
import io
import pickle
import pprint
import string
import textwrap
import tokenize


class Names(ast.NodeVisitor):
    def __init__(self):
        self.seen = []

    def visit_Name(self, node):
        self.seen.append(node.id)

    def visit_FunctionDef(self, node):
        self.seen.append(node.name)
        self.generic_visit(node)


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)


class Pickled:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return Pickled, (self.n,)

    def __deepcopy__(self, memo):
        return Pickled(self.n)


def main():
    with open(__file__, encoding="utf-8") as source:
        text = source.read()
    names = Names()
    tree = ast.parse(text)
    names.visit(tree)
    assert "main" in names.seen and len(list(ast.walk(tree))) > 300
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    assert len(tokens) > 300
    lines = text.splitlines()
    assert any(line.startswith("+") for line in difflib.unified_diff(lines, lines[3:] + ["x"]))
    assert difflib.SequenceMatcher(None, text[:200], text[100:300]).ratio() > 0
    assert len(textwrap.wrap(text, 40)) > 20
    tags = Tags()
    tags.feed("<ul>" + "<li class='a'>one &amp; two</li>" * 10 + "</ul>")
    assert tags.seen.count("li") == 10
    assert string.Template("$a and ${b}").substitute(a=1, b=2) == "1 and 2"
    things = [Pickled(n) for n in range(20)]
    # The pickler in Python, not the one in C.
    buffer = io.BytesIO()
    pickle._Pickler(buffer).dump(things)
    buffer.seek(0)
    assert [t.n for t in pickle._Unpickler(buffer).load()] == list(range(20))
    assert [t.n for t in copy.deepcopy(things)] == list(range(20))
    assert sum((fractions.Fraction(1, n) for n in range(1, 30)), fractions.Fraction(0)).numerator
    assert pprint.pformat({n: list(range(n)) for n in range(15)})
    out = io.StringIO()
    writer = csv.DictWriter(out, ["a", "b"])
    writer.writeheader()
    writer.writerows({"a": n, "b": -n} for n in range(10))
    out.seek(0)
    assert [row["b"] for row in csv.DictReader(out)][3] == "-3"


main()
