"""A board of labels that shows changing figures, as monitors and tables made with tkinter do.
`tk_board.py 1` is as one writes it; `tk_board.py 2` after what `ulma run -e objects` said."""

import sys
import time
import tkinter

ROWS, COLUMNS, REFRESHES = 30, 8, 100


class Board:
    def __init__(self, root):
        self.labels = []
        for row in range(ROWS):
            for column in range(COLUMNS):
                label = tkinter.Label(root, width=8, anchor="e")
                label.grid(row=row, column=column)
                self.labels.append(label)

    def show(self, figures):
        for label, figure in zip(self.labels, figures):
            label.configure(text=figure, foreground="red" if figure < 0 else "black")


class LeanBoard(Board):
    """Tk is told itself, only of what has changed, and in one call for each label."""

    def __init__(self, root):
        super().__init__(root)
        self.names = [label._w for label in self.labels]
        self.shown = [None] * len(self.labels)
        self.call = root.tk.call

    def show(self, figures):
        call = self.call
        for place, figure in enumerate(figures):
            if figure != self.shown[place]:
                color = "red" if figure < 0 else "black"
                call(self.names[place], "configure", "-text", figure, "-foreground", color)
                self.shown[place] = figure


def main():
    root = tkinter.Tk()
    board = (Board if sys.argv[1] == "1" else LeanBoard)(root)
    begin = time.process_time()
    for refresh in range(REFRESHES):
        cells = range(ROWS * COLUMNS)
        board.show([(cell * 7 + (refresh // (1 + cell % 10)) * 13) % 199 - 20 for cell in cells])
        root.update()
    print(f"{(time.process_time() - begin) * 1000 / REFRESHES:.2f} ms a refresh")
    root.destroy()


main()
