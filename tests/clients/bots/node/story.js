// The story that every bot lives through, as ../story.py tells it: an assignment on standard input, one line of JSON
// for each step on standard output. A bot hands over plain values and lets its library's own exceptions fly.
'use strict';
const fs = require('fs');

const SYMBOL = 'BTCUSDT';
const QUANTITY = '0.002';
const ADDRESS = '0x00000000000000000000000000000000deadbeef';

/** The address that stands for `https://host`. */
function base(given, host = 'api.binance.com') {
    return given.at.replace('{host}', host);
}

/** What the lines that the gateway printed for this client make, run as they stand. */
function pasted(given, name) {
    return new Function('require', `${given.snippet}\nreturn ${name};`)(require);
}

async function live(make) {
    const given = JSON.parse(fs.readFileSync(0, 'utf8'));
    const bot = make(given);
    let resting = given.resting || '';
    for (const name of given.steps) {
        const outcome = await take(() => bot[name](resting));
        if (name === 'buy_low') resting = outcome.result || '';
        console.log(JSON.stringify({step: name, ...outcome}));
    }
}

async function take(act) {
    try {
        return {result: await act()};
    } catch (error) {
        const kinds = [];
        for (let kind = Object.getPrototypeOf(error); kind; kind = Object.getPrototypeOf(kind)) {
            kinds.push(kind.constructor.name);
        }
        return {error: kinds[0], kinds, message: `${error.message} ${JSON.stringify(error.body || {})}`};
    }
}

module.exports = {SYMBOL, QUANTITY, ADDRESS, base, pasted, live};
