# SPDX-License-Identifier: MIT
"""Django with ulma's middleware; asked by its own client, or by a server."""

import asyncio
import sys

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from web_work import burn

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["ulma.django.Middleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not one",
    ULMA_SECRET="the secret",
)


def burns(request, ms):
    burn(ms)
    return HttpResponse("burned")


async def burns_async(request, ms):
    burn(ms)
    await asyncio.sleep(0.01)
    return HttpResponse("burned")


def fails(request):
    raise ValueError


urlpatterns = [
    path("burn/<int:ms>/", burns),
    path("async/<int:ms>/", burns_async),
    path("fail/", fails),
]


async def ask_async(client):
    await asyncio.gather(*[client.get("/async/10/") for _ in range(4)])


def main():
    from django.test import AsyncClient, Client

    client = Client(raise_request_exception=False)
    for _ in range(3):
        client.get("/burn/10/", headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
    client.get("/fail/")
    client.get("/nothing/here/")
    told = client.get("/burn/1/", headers={"X-Ulma": "the secret"}).headers.get("Server-Timing", "")
    untold = client.get("/burn/1/", headers={"X-Ulma": "another"}).headers.get("Server-Timing", "")
    asyncio.run(ask_async(AsyncClient()))
    print(told.startswith("ulma;dur="), repr(untold))


django.setup()
if __name__ == "__main__":
    sys.modules["web_django"] = sys.modules["__main__"]
    main()
