"""``tidegate bank``: banks of known content, in files and in folders."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer

from tidegate import taxonomy
from tidegate.cli import bankshow, bankstate, budgets, exits
from tidegate.cli.bankfiles import own, save
from tidegate.cli.bankshow import title
from tidegate.cli.budgets import Budgets
from tidegate.cli.files import alone_in
from tidegate.cli.paths import Paths, names
from tidegate.cli.say import say, stages
from tidegate.evidence import Role
from tidegate.hashing import Preset
from tidegate.matching import (
    Bank,
    BankError,
    BankFolder,
    Entry,
    VideoRule,
    import_file,
    next_id,
)
from tidegate.matching.bank import merge as merged_with
from tidegate.matching.bankfile import name_of, sync_folder
from tidegate.matching.rule import Need
from tidegate.media import Reader, Sampling
from tidegate.pipeline import SAMPLING, enrol, find, printable, spare_threads

app = typer.Typer(help="Keep banks of known content.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="BANK", help="The bank's file or folder.")]

Lists = Annotated[
    list[Path],
    typer.Argument(
        metavar="LIST",
        help="Banks or hash lists: 'hash' or 'type hash' a line, CSV, JSON Lines, or what the "
        "tools of the PDQ reference print.",
    ),
]

Name = Annotated[str | None, typer.Option(help="Name that decisions cite. Default: the file's.")]
Category = Annotated[str, typer.Option(help=f"One of: {', '.join(taxonomy.bankable())}.")]
RoleOf = Annotated[Role, typer.Option(help="block, review, or allow for content known to be good.")]
Distance = Annotated[
    int, typer.Option(help="Bits of 256 up to which a picture counts as met, 0 to 64.")
]
QueryShare = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        help="Share of a scanned video that the bank's video has to cover, 0 to 1; 0 asks nothing.",
    ),
]
EntryShare = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        help="Share of the bank's video that a scanned video has to cover, 0 to 1; 0 asks nothing.",
    ),
]
NeedOf = Annotated[
    Need, typer.Option(help="Whether either of the two shares is enough, or both are needed.")
]
Source = Annotated[str, typer.Option(help="Who made it.")]
LegalBasis = Annotated[str, typer.Option(help="Why it may be kept and compared.")]


@app.command()
def create(
    file: File,
    name: Name = None,
    category: Category = "known.other",
    role: RoleOf = "block",
    distance: Distance = 31,
    min_query_share: QueryShare = 0.0,
    min_entry_share: EntryShare = 0.0,
    need: NeedOf = "either",
    source: Source = "",
    legal_basis: LegalBasis = "",
) -> int:
    """Create an empty bank in a file, for up to some ten thousand entries."""
    if file.exists():
        raise typer.BadParameter(f"{file} is there already")
    bank = Bank(
        name=name or file.name.split(".")[0],
        category=category,
        role=role,
        max_distance=distance,
        video_rule=VideoRule(
            min_query_share=min_query_share, min_entry_share=min_entry_share, need=need
        ),
        source=printable(source),
        legal_basis=printable(legal_basis),
    )
    save(bank, file)
    say(f"{file}: bank {title(bank)}")
    return exits.OK


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new bank's folder.")],
    lists: Annotated[
        list[Path] | None, typer.Argument(metavar="LIST", help="Banks or hash lists; see import.")
    ] = None,
    name: Name = None,
    category: Category = "known.other",
    role: RoleOf = "block",
    distance: Distance = 31,
    min_query_share: QueryShare = 0.0,
    min_entry_share: EntryShare = 0.0,
    need: NeedOf = "either",
    source: Source = "",
    legal_basis: LegalBasis = "",
) -> int:
    """Build a bank in a folder, for millions of entries, from banks and hash lists.

    It is searched on disk, and any number of processes may share it. What comes twice is
    left out. Nothing is left behind where a list is not what it should be.
    """
    if folder.exists():
        raise typer.BadParameter(f"{folder} is there already")
    if not folder.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {folder.parent}")
    if missing := next((path for path in lists or () if not path.is_file()), None):
        raise BankError(f"{missing}: is no file")
    bank = Bank(
        name=name or name_of(folder),
        category=category,
        role=role,
        max_distance=distance,
        video_rule=VideoRule(
            min_query_share=min_query_share, min_entry_share=min_entry_share, need=need
        ),
        source=printable(source),
        legal_basis=printable(legal_basis),
    )
    # Under another name until it is whole.
    with TemporaryDirectory(dir=folder.absolute().parent, prefix=f".{folder.name}.") as made:
        number = _add_lists(BankFolder.create(Path(made) / "bank", bank), lists or [])
        (Path(made) / "bank").rename(folder)
        sync_folder(folder.absolute().parent)
    say(f"{folder}: bank {title(bank)}; {number:,} entries")
    return exits.OK


@app.command()
def add(
    file: File,
    media: Paths,
    category: Annotated[
        str | None, typer.Option(help="Category of these entries. Default: the bank's.")
    ] = None,
    note: Annotated[str, typer.Option(help="For people. Default: the file's name.")] = "",
    gap: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=3600.0,
            help="Most seconds between the stored frames of a video; 0 stores every frame, "
            "which helps where much moves.",
        ),
    ] = SAMPLING.gap,
    views: Annotated[
        Preset,
        typer.Option(
            help="Parts of a picture that are stored too: standard is what is inside its border."
        ),
    ] = "standard",
    budget: Budgets = None,
) -> int:
    """Hash images and videos into a bank. Nothing is written unless all of them can be."""
    limits, sampling = budgets.chosen(budget), Sampling(gap=gap)

    def hashed(first: str, holder: Callable[[str], str | None]) -> "_Hashed":
        with Reader(limits, sampling, threads=spare_threads(1)) as reader:
            return _hash(media, reader, int(first), holder, category, printable(note), views)

    if file.is_dir():
        folder = BankFolder(file)

        def holder(digest: str) -> str | None:
            held = folder.holder("sha256", digest)
            return None if held is None else held.id

        new = hashed(folder.next_id(), holder)
        added, total = folder.add(new.entries), len(folder)
    else:
        with alone_in(file.absolute().parent):
            bank = own(file)
            known = {digest: entry.id for entry in bank.entries for digest in entry.sha256}
            new = hashed(next_id(bank), known.get)
            grown = merged_with(bank, new.entries)
            added, total = grown.entries[len(bank.entries) :], len(grown.entries)
            save(grown, file)
    for entry in added:
        say(f"entry {entry.id}: {new.told[entry.sha256]}")
    say(f"{file}: {len(added):,} added, {total:,} entries")
    return exits.OK


@app.command("import")
def import_(file: File, lists: Lists) -> int:
    """Add other banks and hash lists to a bank. What it holds already is left out."""
    if file.is_dir():
        folder = BankFolder(file)
        number, total = _add_lists(folder, lists), len(folder)
    else:
        with alone_in(file.absolute().parent):
            bank = before = own(file)
            for other in lists:
                try:
                    bank = import_file(bank, other)
                except OSError as error:
                    raise BankError(f"{other}: cannot be read: {error.strerror}") from None
            save(bank, file)
        number, total = len(bank.entries) - len(before.entries), len(bank.entries)
    say(f"{file}: {number:,} added, {total:,} entries")
    return exits.OK


@app.command()
def merge(file: Annotated[Path, typer.Argument(metavar="FOLDER", help="The bank's.")]) -> int:
    """Write all of a bank's folder into one segment. Scans and other commands go on meanwhile."""
    if not file.is_dir():
        raise BankError(f"{file} is no bank in a folder: 'tidegate bank build' makes one")
    folder = BankFolder(file)
    with stages() as tell:
        merged = folder.merge(tell)
    say(f"{file}: " + (f"{len(folder):,} entries merged" if merged else "nothing to merge"))
    return exits.OK


app.command()(bankshow.show)
app.command()(bankshow.stats)
app.command()(bankshow.verify)
app.command()(bankstate.withdraw)
app.command()(bankstate.disable)
app.command()(bankstate.enable)


class _Hashed(NamedTuple):
    """New entries, and what to tell of each, by its digests."""

    entries: list[Entry]
    told: dict[tuple[str, ...], str]


def _hash(
    media: list[str],
    reader: Reader,
    first: int,
    holder: Callable[[str], str | None],
    category: str | None,
    note: str,
    views: Preset,
) -> _Hashed:
    """Hash media into entries, but for what a bank holds already."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = _Hashed([], {})
    for found in find(names(media)):
        entry_id = str(first + len(new.entries))
        enrolled = enrol(
            found, reader, entry_id, category=category, note=note, added=now, views=views
        )
        if enrolled is None:
            continue
        entry, path = enrolled.entry, printable(found.path)
        (digest,) = entry.sha256
        if entry.sha256 in new.told:
            say(f"left out: {path} comes twice")
        elif (held := holder(digest)) is not None:
            say(f"left out: {path} is entry {held} already")
        else:
            new.told[entry.sha256] = path + "".join(f" ({r})" for r in enrolled.remarks)
            new.entries.append(entry)
    return new


def _add_lists(folder: BankFolder, lists: list[Path]) -> int:
    """Add lists to a folder; return how many entries are new."""
    with stages() as tell:
        try:
            return folder.add_lists(lists, tell)
        except OSError as error:
            if error.filename in map(str, lists):
                raise BankError(f"{error.filename}: cannot be read: {error.strerror}") from None
            raise OSError(error.errno, error.strerror, error.filename or str(folder.path)) from None
