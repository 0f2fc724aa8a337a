# SPDX-License-Identifier: MIT
"""FastAPI with ulma's ASGI middleware: coroutines and, in threads, functions."""

import asyncio
import os

import ulma.asgi
from fastapi import APIRouter, BackgroundTasks, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from web_work import burn

app = FastAPI()
router = APIRouter(prefix="/v1")


@router.get("/burn/{ms}")
async def burns(ms: int):
    """In two halves, with others in between."""
    burn(ms / 2)
    await asyncio.sleep(0.01)
    with ulma.span("second half", of="a request"):
        burn(ms / 2)
    return "burned"


@app.get("/thread/{ms}")
def burns_in_a_thread(ms: int):
    burn(ms)
    return "burned"


@app.get("/stream")
async def streams():
    async def pieces():
        for _ in range(3):
            burn(4)
            await asyncio.sleep(0)
            yield b"piece"

    return StreamingResponse(pieces())


@app.get("/later")
async def works_later(tasks: BackgroundTasks):
    tasks.add_task(burn, 100)
    return "soon"


@app.get("/fail")
async def fails():
    raise ValueError


@app.get("/server")
async def server():
    return os.getpid()


async def mounted(request):
    burn(4)
    return PlainTextResponse("mounted")


of_tenants = APIRouter(prefix="/items")


@of_tenants.get("/{item}")
async def item(item: str):
    return item


tenants = FastAPI()
tenants.include_router(of_tenants, prefix="/all")

app.include_router(router)
app.mount("/sub", Starlette(routes=[Route("/item/{name}", mounted)]))
app.mount("/tenants/{tenant}", tenants)
app.mount("/files", StaticFiles(directory=os.path.dirname(__file__)))
app = ulma.asgi.Middleware(app, secret="the secret")
