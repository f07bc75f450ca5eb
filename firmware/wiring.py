"""The composition root: reads a site file and joins ports, drivers, controller, journal, outputs and the hub.

Nothing is imported that the site does not need: a serial door must not pay for pins, a door without a hub not for MQTT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from firmware import board, lanes, recovery
from firmware.cables import Cable
from firmware.clock import Clock, boot_id
from firmware.core.controller import Controller
from firmware.core.events import AnyEvent, ClockChecked, RulebookLoaded, RulebookRefused, Started
from firmware.core.quiet import disturbed
from firmware.core.records import AnyRecord, CommandDone
from firmware.core.resource import HALL, of_zone
from firmware.core.versions import numbers
from firmware.doctor.report import LastReport
from firmware.errors import Failure, HallgateError, Mistake
from firmware.files import load_hall_key
from firmware.hub.taken_orders import TakenOrders
from firmware.journal import Reader, Writer
from firmware.language import spoken, told
from firmware.loop import Loop
from firmware.peers.evacuations import evacuations
from firmware.peers.handed_on import HandedOn
from firmware.peers.notices import Notices
from firmware.peers.rows import bank_word, rows
from firmware.peers.used_passes import used_passes
from firmware.plugs import Plugs
from firmware.rulebook.book import Rulebook
from firmware.site import Site, lacks
from firmware.standby import Standby
from firmware.trust import rulebook_file
from firmware.trust.clock_trust import ClockJudge
from firmware.trust.rulebook_file import SignedRulebook
from firmware.trust.verification import Verifier
from firmware.typed_toml import Mistakes
from firmware.version import VERSION

if TYPE_CHECKING:
    from firmware.hub.side import HubSide
    from firmware.peers.side_link import SideLink
    from firmware.trust.documents import Documents
    from firmware.updating.updates import Updates

CLOCK_CHECK_MS = 1_000
LET_THROUGH_MS = 3_000
"""How long the end waits for a body in a gate. Something that was left there is no body."""
ALONE_MS = 600
"""How long a bank with an empty journal listens for the rows of a hall that may have one."""


class Device:
    """One running device. Making it may raise Mistake (the site) or Failure (the world); afterwards nothing stops it."""

    def __init__(self, site: Site, state_dir: Path, clock: Clock, updates: Updates | None = None) -> None:
        self.site, self.clock, self.updates = site, clock, updates
        self.starts_anew = False
        """Whoever ran this device is to run it again: the hub ordered a restart."""
        trust, hall_key = rulebook_file.read_trust(site.trust_keys), load_hall_key(site.hall_key)
        self.verify = Verifier(clock, trust, hall_key, site.device.hall)
        found = self._rulebook_of_file()
        if isinstance(found, SignedRulebook):
            self._must_not_lack(found.book)
        self.journal, self.controller = self._remembered(state_dir)
        self.inc = self.journal.identity.inc
        self._tell_if_born_anew()
        self.loop = Loop(clock, self.controller, self.journal)
        self.judge = ClockJudge(clock, site.clock.source, self.controller.state.latest_wall_ms)
        self.board = board.Watch(self.loop.post, (alarm for alarm, _ in self.controller.state.alarms))
        self.plugs, self.doctor = Plugs(clock), LastReport(state_dir)
        for cable in lanes.cables(site, self.plugs, self.verify, self.controller.rulebook):
            self.loop.add(cable)
        self.standby = Standby(self.loop, site.lanes)
        self.notices = self._notices(state_dir)
        self.side_link = self._side_link()
        self.orders = TakenOrders(self, state_dir)
        self.documents = self._documents(state_dir / "documents")
        self.hub = self._hub(state_dir)
        self.notices.remember()
        self._begin(found)

    # ------------------------------------------------------------ journal

    def _remembered(self, state_dir: Path) -> tuple[Writer, Controller]:
        """The journal, and the controller that wrote it.

        After an update was taken back the journal may hold what only the newer version can read. Then it is put aside
        whole, and this device is a new incarnation with no rights: its exits run and its hall gives it some. A newer
        version that cannot read an older journal fails instead, and is what an update is taken back for.
        """
        journal = self._journal(state_dir)
        try:
            return journal, recovery.recovered(Reader(state_dir))
        except msgspec.MsgspecError as unread:
            journal.close()
            if numbers(journal.identity.newest) <= numbers(VERSION):
                raise Failure(f"{state_dir}: this version cannot read its journal: {unread}") from None
        return self._journal(state_dir, anew=True), recovery.recovered(Reader(state_dir))

    def _tell_if_born_anew(self) -> None:
        """A gate that lets nobody in until the hall gives it rights is a riddle to whoever only changed a board."""
        now = self.journal.identity
        if now.archived:
            words = f"{now.archived_because} and lies in {now.archived}: this device begins anew, without rights"
            print(f"hallgate run: {spoken('warning: ')}{spoken(words)}", file=sys.stderr, flush=True)

    def _journal(self, state_dir: Path, *, anew: bool = False) -> Writer:
        name = self.site.device.name
        return Writer(state_dir, name, lambda: self.controller.snapshot(), version=VERSION, anew=anew)

    # ------------------------------------------------------------ rulebook

    def _rulebook_of_file(self) -> SignedRulebook | HallgateError:
        """The rulebook, or why it cannot be used. Never stops the exits."""
        file, hall = self.site.rulebook, self.site.device.hall
        if file is None:
            return Mistake("the site file names no rulebook")
        try:
            signed = rulebook_file.read(file, self.verify.trust)
        except HallgateError as wrong:
            return wrong
        if signed.book.hall != hall:
            what = f"this rulebook is for {signed.book.hall}, this device stands in {hall}"
            return Mistake(what, file=str(file), key="hall")
        return signed

    def _must_not_lack(self, book: Rulebook) -> None:
        missing, _ = lacks(self.site, book)
        if missing:
            raise Mistakes(missing)

    # ------------------------------------------------------------ the other doors

    def _notices(self, state_dir: Path) -> Notices:
        """Before the ways they travel on: the hub's link subscribes to every kind."""
        notices = Notices(self, self.verify.hall_key or self._link_key(), HandedOn(state_dir / "heard.json"))
        for resource in (HALL, *map(of_zone, self.site.rights.zones)):
            notices.add(bank_word(self, resource))
            notices.add(rows(self, resource))
        for kind in used_passes(self):
            notices.add(kind)
        notices.add(evacuations(self))
        return notices

    def _link_key(self) -> bytes | None:
        table = self.site.side_link
        return load_hall_key(Path(table.key)) if table and table.key else None

    def _side_link(self) -> SideLink | None:
        """Hangs in the loop as a cable on which no device of a lane speaks."""
        table, key = self.site.side_link, self._link_key() or self.verify.hall_key
        if table is None or key is None:
            return None
        from firmware.peers.side_link import SideLink

        device = self.site.device
        link = SideLink(table.listen, table.peers, key, device.hall, device.name, self.clock, self.notices.came)
        cable = Cable(link)
        self.loop.add(cable)
        link.wake = lambda: setattr(cable, "tend_ms", 0.0)
        self.notices.ways.append(link.publish)
        self.notices.handed_on.ways.append(link.carry)
        return link

    # ------------------------------------------------------------ hub, start, clock

    def _hub(self, state_dir: Path) -> HubSide | None:
        if self.site.hub is None:
            return None
        from firmware.hub.side import HubSide

        return HubSide(self, state_dir)

    def _documents(self, folder: Path) -> Documents | None:
        """What the hub pushed, also before today: a door that was told once knows it offline."""
        if self.site.hub is None and not folder.is_dir():
            return None
        from firmware.trust.documents import Documents

        return Documents(folder, self.verify, lambda book: "; ".join(map(str, lacks(self.site, book)[0])))

    def _begin(self, found: SignedRulebook | HallgateError) -> None:
        device = self.site.device
        self._judge_first_by(found)
        self._check_clock(0)
        state = self.controller.state
        new_bank = self.site.rights.bank and not state.seq
        started = Started(
            boot=boot_id(),
            version=VERSION,
            device=device.name,
            hall=device.hall,
            inc=self.inc,
            bank=self.site.rights.bank,
            lanes=tuple(lanes.setup(lane) for lane in self.site.lanes),
            takes_updates=self.updates is not None,
            zones=self.site.rights.zones,
        )
        self.loop.begin_with([started])
        self.loop.start_hands()
        self.loop.turn(wait=False)
        if new_bank and (self.hub is not None or self.side_link is not None):
            self._listen_first()
        self.loop.begin_with([self._first_rulebook(found)])
        self.loop.turn(wait=False)
        self._follow_rulebook()
        self.loop.after.append(lambda _: self._follow_rulebook())
        self.loop.after.append(self._obey_restart)
        self.loop.after.append(lambda _: self._hand_over_update())
        self._hand_over_update()
        self.loop.every(self._check_clock)
        self.loop.every(self.board.tend)

    def _judge_first_by(self, found: SignedRulebook | HallgateError) -> None:
        """Before anything is recorded: by the rulebook in force; where that is over, or is none, by the one that comes."""
        state = self.controller.state
        self.judge.follow(self.controller.rulebook, self.controller.zone, state.rulebook_next_until)
        newer = isinstance(found, SignedRulebook) and found.book.serial > state.rulebook_serial
        if newer and (self.controller.rulebook is None or self.judge.doubt()):
            assert isinstance(found, SignedRulebook)
            self.judge.follow(found.book, found.zone)

    def _obey_restart(self, news: list[AnyRecord]) -> None:
        """On disk and answered: the order is done before it is obeyed, so that it cannot be obeyed again."""
        orders = [record for record in news if isinstance(record, CommandDone) and record.name == "restart"]
        if any(order.result == "done" for order in orders):
            self.loop.when_judged(self._start_anew)

    def _start_anew(self) -> None:
        """Who was read together with the order goes through first."""
        if disturbed(self.controller.state):
            self.loop.when_judged(self._start_anew)
            return
        self.starts_anew = True
        self.loop.stop()

    def _hand_over_update(self) -> None:
        if self.updates is not None:
            self.updates.follow(self.controller.state.update_ordered)

    def _first_rulebook(self, found: SignedRulebook | HallgateError) -> AnyEvent:
        state = self.controller.state
        if isinstance(found, SignedRulebook):
            if found.text == state.rulebook_text or found.book.serial > state.rulebook_serial:
                return RulebookLoaded(text=found.text, kid=found.kid)
            what = f"is not taken: serial {state.rulebook_serial} is in force"
            found = Mistake(what, file=str(self.site.rulebook), key="serial")
        print(f"hallgate run: {spoken('warning: ')}{told(found)}", file=sys.stderr, flush=True)
        return RulebookRefused(because=str(found))

    def _listen_first(self) -> None:
        """A bank with an empty journal may be a replaced one: it hears the hall's rows before it makes the first right.

        Who reaches neither hub nor doors within this time is alone, and a first start; two banks stop each other later.
        """
        began_ms = self.clock.elapsed_ms()
        until_ms = began_ms + ALONE_MS
        if self.hub is not None:
            self.hub.start()
        self.loop.every(lambda t_ms: t_ms + 10 if t_ms < until_ms else None)
        while self.clock.elapsed_ms() < until_ms:
            self.loop.turn()
            if all(way.heard_the_hall() for way in (self.hub, self.side_link) if way is not None):
                break
        self.loop.turn(wait=False)  # what was heard last is still in the post

    def _follow_rulebook(self) -> None:
        self.verify.zone = self.controller.zone  # also where a start brings the rulebook that was in force before
        next_until = self.controller.state.rulebook_next_until
        if self.controller.rulebook is not self.judge.rulebook or next_until != self.judge.next_until:
            self.judge.follow(self.controller.rulebook, self.controller.zone, next_until)
            self._check_clock(0)

    def _check_clock(self, t_ms: float) -> float:
        because = self.judge.doubt()
        if self.clock.trusted == bool(because):
            self.clock.trusted = not because
            self.loop.post(ClockChecked(because=because))
        return t_ms + CLOCK_CHECK_MS

    # ------------------------------------------------------------ life

    def run(self) -> None:
        if self.hub is not None:
            self.hub.start()
        self.standby.start()
        self.loop.run()
        self.loop.let_through(LET_THROUGH_MS)

    def close(self) -> None:
        """Hands into their failure position, the journal on disk, the hub told. Within two seconds."""
        self.standby.stop()
        self.loop.close()
        self.journal.close()
        self.notices.handed_on.write()
        if self.hub is not None:
            self.hub.stop()
        self.plugs.close()
