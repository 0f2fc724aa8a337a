# SPDX-License-Identifier: MIT
"""Classes: properties, descriptors, metaclasses, __getattr__, operators, slots, dataclasses."""

import sys

sys.path_importer_cache.clear()
import collections
import dataclasses
import enum


class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kwargs):
        return collections.OrderedDict()

    def __new__(mcs, name, bases, namespace, **kwargs):
        return super().__new__(mcs, name, bases, dict(namespace))

    def __init__(cls, name, bases, namespace, **kwargs):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance):
        return type(instance).__mro__[0] is cls or super().__instancecheck__(instance)

    def __len__(cls):
        return 7

    def __getattr__(cls, name):
        return f"meta {name}"


class Typed:
    def __init__(self, kind):
        self.kind = kind

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name, None)

    def __set__(self, instance, value):
        setattr(instance, self.name, self.check(value))

    def __delete__(self, instance):
        delattr(instance, self.name)

    def check(self, value):
        return self.kind(value)


class Base(metaclass=Meta, word=1):
    size = Typed(int)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)

    def __new__(cls, *args):
        return super().__new__(cls)

    def __init__(self, size):
        self.size = size

    @property
    def area(self):
        return self.size * self.width

    @area.setter
    def area(self, value):
        self.size = value / self.width

    @area.deleter
    def area(self):
        del self.size

    width = property(lambda self: 2)

    def __getattr__(self, name):
        if name.startswith("any_"):
            return name[4:]
        raise AttributeError(name)


class Derived(Base):
    def __init__(self, size):
        super().__init__(size)

    def __getattribute__(self, name):
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)


class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __radd__(self, other):
        return self

    def __mul__(self, n):
        return Vector(self.x * n, self.y * n)

    __rmul__ = __mul__

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __eq__(self, other):
        return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __bool__(self):
        return bool(self.x or self.y)

    def __iter__(self):
        yield self.x
        yield self.y

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __len__(self):
        return 2

    def __contains__(self, item):
        return item in (self.x, self.y)

    def __repr__(self):
        return f"Vector({self.x!r}, {self.y!r})"

    def __format__(self, spec):
        return format(self.x, spec) + "/" + format(self.y, spec)

    def __iadd__(self, other):
        self.x += other.x
        return self

    def __call__(self, n):
        return self * n

    def __index__(self):
        return self.x


class Point:
    """Its __init__ gets warm: 3.13 specialises such calls."""

    def __init__(self, x):
        self.x = x
        self.check()

    def check(self):
        return self.x


@dataclasses.dataclass(order=True, frozen=True)
class Record:
    name: str
    size: int = 3
    tags: list = dataclasses.field(default_factory=list, compare=False)

    def __post_init__(self):
        assert self.size


class Colour(enum.Enum):
    RED = 1
    GREEN = 2

    @classmethod
    def _missing_(cls, value):
        return cls.RED


Pair = collections.namedtuple("Pair", "left right")


class Counting(dict):
    def __missing__(self, key):
        self[key] = len(key)
        return self[key]


def main():
    for i in range(1, 40):
        thing = Derived(str(i))
        assert thing.area == 2 * i and thing.any_name == "name"
        thing.area = 10
        assert thing.size == 5
        del thing.area
        assert not hasattr(thing, "nothing")
    assert len(Base) == 7 and Base.unknown == "meta unknown" and isinstance(thing, Base)
    one, two = Vector(1, 2), Vector(3, 4)
    for _ in range(20):
        assert sum([one, two, -one]) == two
        assert 2 * one == one * 2 == one(2) and one and 2 in one and len(one) == 2
        assert list(one) == [1, 2] and one[-1] == 2 and {one: 1}[Vector(1, 2)] == 1
        assert f"{one:02d}" == "01/02" and repr(one) == "Vector(1, 2)" and [0, 1, 2][one] == 1
        one += Vector(0, 0)
    for i in range(500):
        Point(i)
    records = sorted(Record("r", n % 7 + 1) for n in range(20))
    assert records[0].size == 1 and len({r.name for r in records}) == 1 and repr(records[0])
    assert Colour(9) is Colour.RED and [c.name for c in Colour] == ["RED", "GREEN"]
    assert Pair(1, 2)._replace(left=3) == (3, 2)
    counting = Counting()
    assert counting["abc"] == 3 and counting["abc"] == 3
    made = Meta("Made", (Base,), {"size": Typed(float)})
    assert made(1).size == 1.0


main()
