import sys


def parse(line):
    name, count, price = line.split(",")
    return name, int(count), int(price)


def tax(amount):
    for step in range(20):
        amount = (amount * 7 + step) % 1000003
    return amount


def discount(amount):
    best = 0
    for rule in range(40):
        if rule * 3 < amount:
            best = rule
    return best


def price(item):
    amount = item[1] * item[2]
    return tax(amount) - discount(amount)


def total(lines):
    return sum(price(parse(line)) for line in lines)


def render(number):
    return f"{number:>12,}".replace(",", " ")


lines = [f"thing{n},{n % 9},{n * 3}" for n in range(200)]
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 400):
    render(total(lines))
