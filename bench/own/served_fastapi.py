# SPDX-License-Identifier: MIT
import fastapi
import served

app = fastapi.FastAPI()
served.begin()


@app.get("/")
async def page():
    return fastapi.Response(served.page(), media_type="application/json")


@app.get("/empty")
async def empty():
    return fastapi.Response("ok")


@app.get("/status")
async def status():
    return served.status()
