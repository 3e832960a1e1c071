"""The laboratory itself: a meter that misses a dropout would make every other test worthless."""

import contextlib
import socket
import time

import numpy as np
import pytest
from scipy import signal

from lab import meter, namespaces
from lab.lan import Lan
from lab.meter import RATE
from lab.player import Player
from lab.processes import processes_using, until
from lab.sniffer import Stream
from lab.soundserver import CONTROLS
from lab.takes import listen_in
from lab.wire import Wire


@pytest.fixture(scope="module")
def played():
    return np.concatenate((np.zeros(RATE // 2), meter.probe(6, seed=7), np.zeros(2 * RATE)))


def delayed(sound, samples):
    """Delays by any fraction of a sample, in the frequency domain."""
    spectrum = np.fft.rfft(sound)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(sound)) * samples)
    return np.fft.irfft(spectrum * turn, len(sound))


@pytest.mark.parametrize("samples", [0.0, 1.0, 123.37, 48001.25])
def test_latency_is_read_to_the_sample(played, samples):
    noise = 0.002 * np.random.default_rng(3).standard_normal(len(played))
    heard = meter.measure(played, 0.5 * delayed(played, samples) + noise)
    assert np.nanmax(np.abs(heard.latencies_ms - samples * 1000 / RATE)) < 0.02
    assert heard.dropouts == []
    assert heard.correlation > 0.998
    assert heard.level_db == pytest.approx(-6.02, abs=0.2)


def test_silences_are_found(played):
    ear = np.roll(played, 2400)
    for i, at in enumerate((2.0, 3.5, 5.0)):
        ear[int(at * RATE):int((at + 0.006 + 0.01 * i) * RATE)] = 0
    heard = meter.measure(played, ear)
    assert [round(a, 2) for a, _ in heard.dropouts] == [2.0, 3.5, 5.0]
    assert heard.dropped_ms == pytest.approx(48, abs=5)


def test_silences_of_the_player_are_excused(played):
    damaged = played.copy()
    damaged[3 * RATE:3 * RATE + 960] = 0
    assert meter.measure(damaged, np.roll(damaged, 2400)).dropouts == []


def test_what_the_recorder_missed_is_nobodys_dropout(played):
    """It lost what was played then and what was heard then; a hole beside it is still one."""
    ear = np.roll(played, 4800)
    holes = [(2 * RATE, 2 * RATE + 128), (4 * RATE, 4 * RATE + 1024)]
    recorded = played.copy()
    for begin, end in holes:
        recorded[begin:end] = ear[begin:end] = 0
    assert meter.measure(recorded, ear, holes=holes).dropouts == []
    assert [round(a, 2) for a, _ in meter.measure(recorded, ear).dropouts] == [4.0]
    ear[5 * RATE:5 * RATE + 480] = 0
    assert [round(a, 2) for a, _ in meter.measure(recorded, ear, holes=holes).dropouts] == [5.0]
    # Nor does a short hole excuse a long silence around it.
    ear[2 * RATE - 480:2 * RATE + 9600] = 0
    assert [round(a, 2) for a, _ in meter.measure(recorded, ear, holes=holes).dropouts] == [1.99, 5.0]


@pytest.mark.parametrize("milliseconds", [60, 120])
def test_a_pause_of_the_player_misleads_nobody(played, milliseconds):
    """Where all but the beginning of a window is silent, and so is what it is compared with. Sums of much
    loud sound are as coarse as those of a long take."""
    begin = 2 * RATE + 48 * milliseconds
    paused = 30 * np.concatenate((played[:begin], np.zeros(2 * RATE), played[begin:]))
    heard = meter.measure(paused, np.roll(paused, 12_000))
    assert np.nanmax(np.abs(heard.latencies_ms - 250)) < 0.02
    assert heard.dropouts == []


def test_wrong_sound_is_found(played):
    ear = np.roll(played, 2400)
    for at in (2.0, 4.0):
        begin = int(at * RATE)
        ear[begin:begin + 1920] = np.roll(played, 30000)[begin:begin + 1920]
    heard = meter.measure(played, ear)
    assert [round(a, 1) for a, _ in heard.dropouts] == [2.0, 4.0]


def test_a_skip_changes_the_latency(played):
    cut = 3 * RATE
    ear = np.concatenate((np.roll(played, 4800)[:cut], np.roll(played, 4800 - 576)[cut:]))
    heard = meter.measure(played, ear)
    assert heard.latency_between(0.5, 3) == pytest.approx(100, abs=0.1)
    assert heard.latency_between(3, 6) == pytest.approx(88, abs=0.1)


def test_stretched_sound_is_still_the_same_sound(played):
    """By 0.1 %, the most a listener steers by."""
    stretched = signal.resample(played, round(len(played) * 1.001))
    heard = meter.measure(played, np.roll(stretched, 2400))
    assert heard.latency_between(5, 6) - heard.latency_between(1, 2) == pytest.approx(4, abs=0.1)
    assert heard.correlation > 0.99


@pytest.mark.parametrize("true", [0.98, 0.9])
def test_damaged_sound_is_not_flattered(played, true):
    """Noise mixed in lowers the correlation by a known amount, which the meter must read."""
    noise = np.zeros(len(played))
    noise[RATE // 2 + 2400:][:6 * RATE] = meter.probe(6, seed=8)
    damaged = true * np.roll(played, 2400) + np.sqrt(1 - true ** 2) * noise
    assert meter.measure(played, damaged).correlation == pytest.approx(true, abs=0.004)


def test_other_sound_is_no_match(played):
    other = np.concatenate((np.zeros(RATE // 2), meter.probe(6, seed=99), np.zeros(2 * RATE)))
    assert meter.measure(played, other).error


def test_silence_is_no_match(played):
    assert meter.measure(played, np.zeros(len(played))).error == "the ear stayed silent"


def ear_with_gaps(played, delay, *moments):
    """An ear `delay` seconds late that lost 20 ms of the sound at some moments of it."""
    ear = np.roll(played, int(delay * RATE))
    for moment in moments:
        begin = int((moment + delay) * RATE)
        ear[begin:begin + 960] = 0
    return meter.measure(played, ear)


def test_a_control_ear_excuses_only_what_it_lost_too(played):
    """The same moment of the sound, whenever either ear came to play it."""
    ear = ear_with_gaps(played, 0.5, 2.0, 4.0)
    assert ear.dropouts_beyond(ear_with_gaps(played, 0.05)) == ear.dropouts
    assert ear.dropouts_beyond(ear_with_gaps(played, 0.05, 2.0, 4.0)) == []
    assert ear.dropouts_beyond(ear_with_gaps(played, 0.05, 2.05)) == ear.dropouts[1:]
    # 0.4 s away is another matter, even where the two ears played them at the same time.
    assert ear.dropouts_beyond(ear_with_gaps(played, 0.1, 2.4, 4.4)) == ear.dropouts


# Networks


@pytest.mark.parametrize("seed", ["h1", "h2"])
def test_a_bad_wire_loses_the_same_frames_every_time(seed):
    def survivors():
        wire = Wire([1, 2], seed)
        wire.set(loss=0.1)
        for number in range(2_000):
            wire.take(1, bytes(14) + number.to_bytes(2, "big"))
        return [frame for *_, frame in wire.waiting]
    first = survivors()
    assert first == survivors()
    assert 0.08 < 1 - len(first) / 2_000 < 0.12


def test_a_bad_wire_lets_frames_overtake():
    wire = Wire([1, 2], "seed")
    wire.set(delay_ms=1_000, jitter_ms=30)
    for number in range(500):
        wire.take(1, bytes(14) + number.to_bytes(2, "big"))
    waits = np.array([due for due, *_ in wire.waiting])
    assert 0.02 < np.std(waits) < 0.05
    arrival = [frame for *_, frame in sorted(wire.waiting)]
    assert arrival != sorted(arrival)


def test_a_wire_goes_bad_and_good_again():
    with Lan(1, bad=["h1"]) as lan:
        receiver, sender = (udp_socket(lan, name) for name in ("h1", "server"))

        def lost(count=200):
            for _ in range(count):
                sender.sendto(b"x", receiver.getsockname())
                time.sleep(0.001)
            came = 0
            with contextlib.suppress(TimeoutError):
                while came < count:
                    receiver.recv(16)
                    came += 1
            return 1 - came / count
        with receiver, sender:
            assert lost() == 0
            lan.spoil("h1", loss=0.3, delay_ms=10, jitter_ms=5)
            assert 0.15 < lost() < 0.45
            lan.spoil("h1")
            assert lost() == 0


def udp_socket(lan, name):
    with namespaces.within(lan.namespace(name)):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind((lan.address(name), 0))
    end.settimeout(0.5)
    return end


def rtp(number, text):
    return bytes([0x80, 111]) + number.to_bytes(2, "big") + bytes(8) + text


def test_a_number_with_other_bytes_is_seen():
    stream = Stream()
    for number, text in ((1, b"a"), (2, b"b"), (1, b"a"), (2, b"c")):
        stream.take(rtp(number, text))
    assert (stream.first_copies, stream.repeats, stream.conflicts) == (2, 1, 1)


def test_missing_numbers_are_counted_where_they_come_round():
    player = Player.__new__(Player)
    numbers = [65_534, 65_535, 1, 0, 3, 3, 6]
    player.packets = [(n, 0, float(at)) for at, n in enumerate(numbers)]
    assert player.missing(0, 10) == (3, 6)
    assert player.missing(20, 30) == (0, 0)


# On real sound servers


def test_deaf_and_hearing_ears(sound_server):
    take = listen_in(sound_server, ["ear2", *CONTROLS], seconds=2)
    assert take["ear2"].error == "the ear stayed silent"
    for ear in CONTROLS:
        assert take[ear].correlation > 0.99, take[ear]
        assert take[ear].median_ms < 500


def test_a_killed_server_comes_back(sound_server):
    sound_server.kill()
    until("the end of its programs", lambda: not processes_using(sound_server.runtime))
    sound_server.start()
    sound_server.start_controls()
    take = listen_in(sound_server, ["control"], seconds=2)
    assert not take["control"].error
