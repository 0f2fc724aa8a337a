"""Four ordinary programs. argv: which, a folder, and for `download` a URL."""

import logging
import os
import sqlite3
import sys
import urllib.request
import zipfile


def download(folder, url):
    with urllib.request.urlopen(url) as answer, open(os.path.join(folder, "got"), "wb") as file:
        while True:
            piece = answer.read(8192)
            if not piece:
                break
            file.write(piece)


def database(folder):
    connection = sqlite3.connect(os.path.join(folder, "orders.db"))
    connection.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, what TEXT)")
    for i in range(20):
        connection.execute("INSERT INTO orders(what) VALUES(?)", ("something %d" % i * 20,))
        connection.commit()
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (20,)
    connection.close()


def log(folder):
    logging.basicConfig(filename=os.path.join(folder, "program.log"), level=logging.INFO)
    for i in range(500):
        logging.info("request %d took %d ms", i, i % 7)


def archive(folder):
    with zipfile.ZipFile(os.path.join(folder, "all.zip"), "w") as file:
        for i in range(200):
            file.writestr("member-%d.txt" % i, "text of a member\n" * (i % 5))


globals()[sys.argv[1]](*sys.argv[2:])
os._exit(0)
