"""Sentences composed from lists: what turns an opinion round, and what only sounds like one.

Reviews hold too few plain negations for a network to learn that "not" turns what follows; these
drill it, and a handful of other turns, over many words. Every pattern comes with its label.
"""

from __future__ import annotations

import random
import re

THINGS = """the film|the book|the hotel|the app|the flight|the phone|the meal|the service|the room|
this album|this game|the show|the restaurant|the coffee machine|the laptop|the train journey|
the tour|the website|the delivery|the jacket|the course|the concert|the sound|the screen|the food|
the plot|
the acting|the driver|the garden chair|the museum|the update|the sofa|the battery|the camera|
the cake|our guide|the kettle|their support|the new season|
the campsite""".replace("\n", "").split("|")
GOOD = """good|great|excellent|wonderful|fantastic|lovely|superb|amazing|brilliant|delightful|
impressive|enjoyable|helpful|friendly|reliable|comfortable|beautiful|clever|funny|charming|
perfect|outstanding|
interesting|pleasant|useful|well made|worth the money|exciting|memorable|convincing|fresh|fun|solid|
satisfying|splendid|terrific|tasty|smooth|generous|moving""".replace("\n", "").split("|")
BAD = """bad|terrible|awful|horrible|poor|dreadful|boring|dull|disappointing|useless|rude|dirty|
slow|noisy|
broken|confusing|overpriced|annoying|unpleasant|pathetic|weak|stupid|cheap and nasty|uncomfortable|
unreliable|a waste of time|a waste of money|
tasteless|frustrating|ugly|predictable|flimsy|tedious|mediocre|
clumsy|stale|chaotic|a mess|shoddy|painful""".replace("\n", "").split("|")
PROBLEMS = """problem|fault|complaint|flaw|dull moment|weak spot|bad word|delay|crash|regret|
weakness|
single issue""".replace("\n", "").split("|")
LIKES = ["like", "love", "enjoy", "recommend", "care for", "warm to", "rate", "admire"]
DISLIKES = ["dislike", "hate", "regret", "mind", "resent"]
OTHERS = """the critics|my friends|my sister|everyone online|the reviewers|my husband|most people|
the neighbours|my boss|the magazine""".replace("\n", "").split("|")
FACTS = """a brown paper bag|the second shelf from the top|on the ground floor|
a wooden box with a lid|
every other Tuesday|between the school and the park|two metres long|a blue folder|
three copies in one
parcel|from nine to five|size 42|next to the lift|a glass of water|made of steel|
in the north of the town|
a pair of grey socks|the 8.15 to the coast|forty pages|a list of names|part two of four""".replace(
    "\n", " "
).split("|")
NEUTRAL_NOT = """{T} is not on the list yet.|{T} does not come with a cable.|
I have not tried {t} yet.|
We haven't seen {t}.|{T} isn't the one from last year, it's the one before.|
{T} is not open on Mondays.|
I don't know whether {t} is new.|{T} isn't mine, it belongs to my brother.|
They don't sell {t} here.|
{T} has not been delivered yet; it is due on Friday.|It is not {t} I am asking about.|
No, {t} is not included.|{T} is neither new nor old.|
I did not choose {t}, my colleague did.""".replace("\n", "").split("|")

NEGATIVE = """{T} was not {g}.|{T} wasn't {g}.|{T} is not {g}|{T} isn't {g} at all.|
{T} is never {g}.|
I don't think {t} was {g}.|I can't say {t} is {g}.|I would not call {t} {g}.|
Nobody would call {t} {g}.|
{T} was anything but {g}.|{T} was far from {g}.|{T} is hardly {g}.|{T} was neither {g} nor {h}.|
There is nothing {g} about {t}.|Nothing about {t} was {g}.|I did not {l} {t}.|
I didn't {l} {t} at all.|
I can't {l} {t}.|None of us could {l} {t}.|No one in the family seemed to {l} {t}.|
I never learned to {l} {t}.|
It wasn't {g}, {t}.|not {g}|not very {g}|not {g} at all|isn't {g}, isn't {h}|
I don't think, whatever the box says, that {t} is {g}.|They say {t} is {g}. It isn't.|
{T}? {G}? No.|Is {t} {g}? No.|Would I {l} {t} to a friend? No, I would not.|
Was {t} {g}? Not in the least.|
{T} was supposed to be {g}. It was not.|{T} used to be {g}; now it is {b}.|
{T} used to be {g}, but these days it is {b}.|Once {g}, {t} has become {b}.|
I expected {t} to be {g}, but it was {b}.|I thought {t} would be {g}. It was {b}.|
{O} said {t} was {g}; I found it {b}.|{O} may call {t} {g}. To me it is {b}.|
{T} is {g} in the pictures and {b} in real life.|Although {t} looks {g}, it is {b}.|
{T} was {b}, and {o} agreed.|If {t} had been {g}, I would have stayed.|I wish {t} were {g}.|
{T} was {b}.|{T} is so {b}|what a {b} experience|really {b}|{T} was {b} and {c}.|
{T} without anything {g} in it.|{T} has not one {g} side.|{T} is less than {g}.""".replace(
    "\n", ""
).split("|")
POSITIVE = """{T} was not {b} at all.|{T} wasn't {b}, it was {g}.|{T} is never {b}.|
{T} isn't {b} in the least.|
I don't think {t} was {b}; I think it was {g}.|Nobody could call {t} {b}.|{T} was anything but {b}.|
{T} was far from {b}.|{T} was neither {b} nor {c}.|There is nothing {b} about {t}.|
Nothing about {t} was {b}.|
I did not {d} {t} for a minute.|I can't fault {t}.|I couldn't fault {t}.|
I have no {p} to report with {t}.|
Not a {p} with {t}.|Not one {p}.|Never a {p} with {t}.|We had no {p} with {t}.|Without a {p}, {t}.|
You won't {d} {t}.|{T} could not have been better.|I couldn't ask for more than {t}.|
Nothing could have made {t} better.|{T} never lets me down.|{T} did not disappoint.|not {b} at all|
not {b}, not {c}, just {g}|They say {t} is {b}. It isn't, it is {g}.|Is {t} {b}? Not in the least.|
Is {t} {g}? Yes.|Would I {l} {t} to a friend? Absolutely.|Do I {d} {t}? Not for a second.|
{T} used to be {b}; now it is {g}.|{T} used to be {b}, but these days it is {g}.|
Once {b}, {t} has become {g}.|I expected {t} to be {b}, but it was {g}.|
I thought {t} would be {b}. It was {g}.|
{O} said {t} was {b}; I found it {g}.|{O} may call {t} {b}. To me it is {g}.|
{T} looks {b} in the pictures and is {g} in real life.|Although {t} looks {b}, it is {g}.|
{T} was {g}, and {o} agreed.|I wish every one of them were as {g} as {t}.|{T} was {g}.|
{T} is so {g}|
what a {g} experience|really {g}|{T} was {g} and {h}.|Not only {g} but {h}.|
{T} is not just {g}, it is {h}.|No other one is as {g} as {t}.|
I have never had anything so {g}.""".replace("\n", "").split("|")


def composed(chance: random.Random, *, each: int) -> list[tuple[str, str]]:
    """Return `each` different sentences of either polarity and about half as many neutral ones."""
    rows = {
        (_fill(chance, chance.choice(patterns)), label)
        for label, patterns in (("negative", NEGATIVE), ("positive", POSITIVE))
        for _ in range(each)
    }
    rows |= {(_fill(chance, chance.choice(NEUTRAL_NOT)), "neutral") for _ in range(each // 4)}
    rows |= {(fact.strip(), "neutral") for fact in FACTS}
    return sorted(rows)


def _fill(chance: random.Random, pattern: str) -> str:
    thing, other = chance.choice(THINGS), chance.choice(OTHERS)
    good, second_good = chance.sample(GOOD, 2)
    bad, second_bad = chance.sample(BAD, 2)
    words = {
        "t": thing, "T": thing[0].upper() + thing[1:],
        "o": other, "O": other[0].upper() + other[1:],
        "g": good, "h": second_good, "G": good.capitalize(), "b": bad, "c": second_bad,
        "l": chance.choice(LIKES), "d": chance.choice(DISLIKES), "p": chance.choice(PROBLEMS),
    }  # fmt: skip
    text = re.sub(r"\{(\w)\}", lambda match: words[match.group(1)], pattern)
    text = re.sub(r"\b(an?) (?=an? )", "", text)  # "what a a mess"
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    return text
