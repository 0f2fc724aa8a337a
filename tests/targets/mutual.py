# SPDX-License-Identifier: MIT
"""Mutual recursion: two and three functions, a recursive-descent calculator, a pretty printer."""


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def red(n):
    return n if n <= 0 else green(n - 1) + blue(n - 2)


def green(n):
    return n if n <= 0 else blue(n - 1) + red(n - 3)


def blue(n):
    return n if n <= 0 else red(n - 2) + green(n - 2)


class Calculator:
    def __init__(self, text):
        self.tokens = list(text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def expression(self):
        value = self.term()
        while self.peek() in ("+", "-"):
            value = value + self.term() if self.take() == "+" else value - self.term()
        return value

    def term(self):
        value = self.factor()
        while self.peek() == "*":
            self.take()
            value *= self.factor()
        return value

    def factor(self):
        token = self.take()
        if token == "(":
            value = self.expression()
            self.take()
            return value
        if token == "-":
            return -self.factor()
        return int(token)


def show(value):
    if isinstance(value, dict):
        return show_dict(value)
    if isinstance(value, list):
        return show_list(value)
    return repr(value)


def show_dict(value):
    return "{" + ", ".join([f"{show(k)}: {show(v)}" for k, v in value.items()]) + "}"


def show_list(value):
    return "[" + ", ".join(map(show, value)) + "]"


def nest(depth):
    return {"depth": depth, "kids": [nest(depth - 1), depth]} if depth else []


def main():
    assert is_even(200) and is_odd(201)
    red(17)
    text = "(1+2)*3-4*(5-(6+7*(8-9)))"
    for _ in range(30):
        assert Calculator(text).expression() == 3 * 3 - 4 * (5 - (6 + 7 * (8 - 9)))
    value = nest(12)
    assert eval(show(value)) == value


main()
