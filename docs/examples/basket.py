# SPDX-License-Identifier: MIT
"""Which line of `price` takes its time? The one that looks harmless."""

ITEMS = [(f"item{number % 300}", number % 7 + 1) for number in range(6000)]


def price(items):
    total = 0
    seen = []
    for name, amount in items:
        if name not in seen:
            seen.append(name)
        if amount > 5:
            total += amount * 9
        else:
            total += amount * 10
    return total, len(seen)


for _ in range(20):
    price(ITEMS)
print(price(ITEMS))
