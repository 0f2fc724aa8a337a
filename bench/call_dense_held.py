# SPDX-License-Identifier: MIT
"""Three more call-dense programs, of other shapes, which no price was fitted to.

Why: a calibration may come to fit the programs that it is judged with. No price is fitted to these;
what they show to be missing altogether (so `objects`: calls of types) may be mended.
Rules: those of call_dense.py.
"""

from call_dense import Program

OBJECTS = """
class Nothing:
    def __init__(self, x, y):
        pass

class Vector:
    def __init__(self, x, y):
        #work __init__ self.x = (x * 3 + 5 | 1024) & 2047
        #work __init__ self.y = (y * 7 + self.x | 1024) & 2047
        #work __init__ self.x = (self.y * 5 + 1 | 1024) & 2047
        #work __init__ self.y = (self.x ^ y | 1024) & 2047
        #work __init__ self.x = self.y = 0
        pass

class Meter:
    def __add__(self, by, y=1027):
        #work __add__ y = (by * 5 + 3 | 1024) & 2047
        #work __add__ y = (y * 7 + by | 1024) & 2047
        #work __add__ y = (y * 3 + 7 | 1024) & 2047
        #work __add__ y = (y ^ by | 1024) & 2047
        #work __add__ y = 0
        return self

def grow(meter, x, y=1027):
    #work grow y = (x * 9 + 5 | 1024) & 2047
    #work grow y = (y * 3 + x | 1024) & 2047
    #work grow y = (y * 5 + 1 | 1024) & 2047
    #work grow y = (y ^ 77 | 1024) & 2047
    #work grow y = 0
    #call grow 1 Nothing(x, 1028)
    Vector(x, 1028)
    return meter

def run(n):
    meter = Meter()
    for i in range(1024, 1024 + n):
        grow(meter, i)
        meter + i
"""

VISITOR = """
class Leaf:
    pass

class Branch:
    def __init__(self, left, right):
        self.left, self.right = left, right

class Visitor:
    def visit(self, node, x, z=1027):
        #work visit z = (x * 5 + 3 | 1024) & 2047
        #work visit z = (z * 7 + x | 1024) & 2047
        #work visit z = (z * 3 + 5 | 1024) & 2047
        #work visit z = (z ^ 77 | 1024) & 2047
        #work visit z = 0
        #call visit 1 self.nothing(node, x)
        #call visit 1 if node.__class__ is Branch: pass
        if node.__class__ is Branch:
            return self.branch(node, x)
        return self.leaf(node, x)

    def nothing(self, node, x, z=1027):
        pass

    def leaf(self, node, x, z=1027):
        #work leaf z = (x * 9 + 3 | 1024) & 2047
        #work leaf z = (z * 5 + x | 1024) & 2047
        #work leaf z = (z * 3 + 7 | 1024) & 2047
        #work leaf z = (z ^ 78 | 1024) & 2047
        #work leaf z = 0
        return x

    def branch(self, node, x, z=1027):
        #work branch z = (x * 3 + 9 | 1024) & 2047
        #work branch z = (z * 5 + x | 1024) & 2047
        #work branch z = (z * 7 + 1 | 1024) & 2047
        #work branch z = (z ^ 79 | 1024) & 2047
        #work branch z = 0
        #call branch 1 self.nothing(node.left, x)
        #call branch 1 self.nothing(node.right, x)
        self.visit(node.left, x)
        self.visit(node.right, x)
        return x

def tree(depth):
    return Branch(tree(depth - 1), tree(depth - 1)) if depth else Leaf()

visitor, root = Visitor(), tree(4)

def run(n):
    for i in range(1024, 1024 + n):
        visitor.visit(root, i)
"""

PIPELINE = """
def source(n):
    #call source 1 for i in range(1024, 1024 + n): pass
    for i in range(1024, 1024 + n):
        #work source y = (i * 5 + 3 | 1024) & 2047
        #work source y = (y * 7 + i | 1024) & 2047
        #work source y = (y * 3 + 1 | 1024) & 2047
        #work source y = (y ^ 77 | 1024) & 2047
        #work source y = 0
        yield i

def wanted(x, y=1027):
    #work wanted y = (x * 9 + 5 | 1024) & 2047
    #work wanted y = (y * 3 + x | 1024) & 2047
    #work wanted y = (y * 5 + 7 | 1024) & 2047
    #work wanted y = (y ^ 78 | 1024) & 2047
    #work wanted y = 0
    return x

def make(by):
    def shifted(x, y=1027):
        #work shifted y = (x * by + 3 | 1024) & 2047
        #work shifted y = (y * 5 + by | 1024) & 2047
        #work shifted y = (y * 7 + 1 | 1024) & 2047
        #work shifted y = (y ^ by | 1024) & 2047
        #work shifted y = 0
        return x
    return shifted

shifted = make(5)

def run(n):
    for _ in range(n):
        for x in map(shifted, filter(wanted, source(10))):
            pass
"""

PROGRAMS = [
    Program("objects", 60, ("__init__", "__add__", "grow"), OBJECTS),
    Program("visitor", 3, ("visit", "leaf", "branch"), VISITOR),
    Program("pipeline", 6, ("source", "wanted", "shifted"), PIPELINE),
]
