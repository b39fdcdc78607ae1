"""Commands that serve: up, serve, keys, replay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from regard.serving.settings import read_settings
from regard.serving.terminal import AsJson, Folder, Seed, Slots, _, app, example, say

keys = typer.Typer(no_args_is_help=True, help=_("Keys of the HTTP interface: create, list, revoke."))
app.add_typer(keys, name="keys")

Host = Annotated[str, typer.Option("--host", help=_("Where to listen; other machines reach only what you name."))]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help=_("On which port."))]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help=_("How many processes answer."))]
RoleName = Annotated[
    str, typer.Option("--role", help=_("read, write, expert or admin; each may do what those before it may."))
]
Name = Annotated[str, typer.Argument(help=_("What the key is called; revoking asks for it."))]


@app.command(
    help=_("Store and server in one command; the first time it also makes a key."),
    epilog=example("regard up --port 8000"),
)
def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    jobs: Annotated[
        bool, typer.Option("--jobs/--no-jobs", help=_("Also do the jobs (`regard jobs work`) beside the server."))
    ] = True,
    folder: Folder = None,
) -> None:
    """All that an installation needs, until Ctrl-C."""
    from contextlib import nullcontext

    from regard.serving.beside import can_work, jobs_beside
    from regard.serving.running import Address, first_keys, must_be_free, serve

    settings, address = read_settings(folder), Address(host, port, workers)
    must_be_free(address)
    console = Console(stderr=True)
    for tenant, key in first_keys(settings).items():
        told = _("Your first key (role admin; it is shown only now): {key}")
        if len(settings.tenants) > 1:
            told = _("The first key of {tenant} (role admin; it is shown only now): {key}")
        console.print(told.format(tenant=tenant, key=key), soft_wrap=True)
    console.print(_("Regard answers at {url} (the interface: {url}/docs). Ctrl-C stops it.").format(url=address.url))
    if jobs and not can_work():
        console.print(_("Nobody does jobs here (guard, retraining): pip install 'regard[fitting]'"), markup=False)
    with jobs_beside(settings) if jobs and can_work() else nullcontext():
        serve(settings, address)


@app.command("serve", help=_("The HTTP server alone."), epilog=example("regard serve --workers 2"))
def serve_(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1, folder: Folder = None) -> None:
    """Answer requests until told to stop."""
    from regard.serving.running import Address, serve

    serve(read_settings(folder), Address(host, port, workers))


@keys.command(
    help=_("Make a key; it is shown once and never again."), epilog=example("regard keys create shop --role write")
)
def create(
    name: Name,
    role: RoleName = "read",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One more key."""
    from regard.data.keys import ROLES, create_key
    from regard.data.postgres import Store
    from regard.domain.errors import InvalidInput

    settings = read_settings(folder)
    found = next((one for one in ROLES if one == role), None)
    if found is None:
        raise InvalidInput("--role", f"one of {', '.join(ROLES)}", repr(role))
    with Store.open(settings.store, settings.tenant) as store:
        key = create_key(store, name, found)
    say({"name": name, "role": found, "key": key}, Text(key), as_json)


@keys.command("list", help=_("All keys; their secrets are not kept."), epilog=example("regard keys list"))
def list_(folder: Folder = None, as_json: AsJson = False) -> None:
    """Names, roles, and which are revoked."""
    from dataclasses import asdict

    from regard.data.keys import list_keys
    from regard.data.postgres import Store
    from regard.serving import serving_screens

    settings = read_settings(folder)
    with Store.open(settings.store, settings.tenant) as store:
        found = [asdict(one) for one in list_keys(store)]
    say({"keys": found}, serving_screens.keys(found, _), as_json)


@keys.command(help=_("This key opens nothing any more."), epilog=example("regard keys revoke shop"))
def revoke(name: Name, folder: Folder = None, as_json: AsJson = False) -> None:
    """Take a key back; every server of the store knows at once."""
    from regard.data.keys import revoke_key
    from regard.data.postgres import Store

    settings = read_settings(folder)
    with Store.open(settings.store, settings.tenant) as store:
        revoke_key(store, name)
    say({"revoked": name}, Text(_("{name} opens nothing any more.").format(name=name)), as_json)


@app.command(help=_("Write a list for everybody, as Parquet."), epilog=example("regard batch lists.parquet -k 20"))
def batch(
    out: Annotated[Path, typer.Argument(help=_("The file to write."))],
    k: Slots = 10,
    seed: Seed = 0,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Everybody's list."""
    from regard.serving import screens
    from regard.serving.batch import write_lists
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here, screens.progress(Console(stderr=True)) as tell:
        written = write_lists(here, out, k, seed, tell)
    told = _("Lists of {people} people in {out}.").format(people=written.people, out=out)
    for name, lists in written.left_out.items():
        told += "\n" + _("{name} failed and was left out of {lists} lists.").format(name=name, lists=lists)
    say({"people": written.people, "left_out": written.left_out, "out": str(out)}, Text(told), as_json)


@app.command(
    help=_("Write the whole installation, with regard.toml, into a folder; `regard import` moves it in elsewhere."),
    epilog=example("regard export moving/"),
)
def export(
    out: Annotated[Path, typer.Argument(help=_("A new folder."))], folder: Folder = None, as_json: AsJson = False
) -> None:
    """Store, releases, and what configures them."""
    from dataclasses import asdict

    from regard.serving import serving_screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        found = asdict(here.export(out))
    say(found, serving_screens.moved(_("Exported"), found, _), as_json)


@app.command(
    help=_("Drop what is older than [retention] in regard.toml lets it be."),
    epilog=example("regard tidy --events 730"),
)
def tidy(
    lists: Annotated[float | None, typer.Option("--lists", min=0, help=_("Days to keep logged lists; 0: all."))] = None,
    events: Annotated[float | None, typer.Option("--events", min=0, help=_("Days to keep events; 0: all."))] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Retention, and a vacuum after it."""
    from dataclasses import replace

    from regard.serving import screens, tidying
    from regard.serving.installation import Installation

    said = {name: days for name, days in (("lists", lists), ("events", events)) if days is not None}
    with Installation.open(read_settings(folder)) as here:
        gone = tidying.tidy(here, replace(tidying.tidying(here.settings.recipes).kept, **said))
    say({"dropped": gone}, screens.figures(_("Dropped"), gone, _), as_json)


@app.command(
    help=_("Fill logged lists again from what their log keeps; says whether they are the same bit for bit."),
    epilog=example("regard replay --last 1000"),
)
def replay(
    recommendation: Annotated[str, typer.Argument(help=_("The recommendation_id of a list."))] = "",
    last: Annotated[int, typer.Option("--last", min=0, help=_("So many of the newest lists."))] = 0,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One list, or the newest ones, again; on one thread, as a server fills them."""
    from dataclasses import replace

    from regard.serving import replaying, serving_screens
    from regard.serving.installation import Installation
    from regard.serving.running import log_as_json
    from regard.serving.served import Served

    log_as_json()
    settings = read_settings(folder)
    with Installation.open(replace(settings, threads=settings.threads or 1)) as here:
        served = Served.at_rest(here)
        found = served.impressions.newest(last) if last else [served.impressions.get(recommendation)]
        verdicts = [replaying.plain(served, replaying.replay(served, one)) for one in found]
    count = {name: sum(one["verdict"] == name for one in verdicts) for name in ("same", "gone", "different")}
    answer = {**count, "lists": [one for one in verdicts if not last or one["verdict"] != "same"]}
    say(answer, serving_screens.replayed(answer, _), as_json)
    if count["same"] < len(verdicts):
        sys.exit(1)
