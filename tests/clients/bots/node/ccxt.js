// ccxt for JavaScript, with its default options.
'use strict';
const ccxt = require('ccxt');
const {QUANTITY, ADDRESS, base, pasted, live} = require('./story.js');

const PAIR = 'BTC/USDT';

/** ccxt's URL map with the given address in place of every host. */
function point(urls, given) {
    if (typeof urls !== 'string') {
        return Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, point(url, given)]));
    }
    const {host, pathname} = new URL(urls);
    return base(given, host) + pathname;
}

function made(given) {
    const exchange = new ccxt.binance({apiKey: given.key, secret: given.secret});
    exchange.urls.api = point(exchange.urls.api, given);
    return exchange;
}

live((given) => {
    const exchange = given.snippet ? pasted(given, 'exchange') : made(given);
    const low = Number(given.low_price);
    const create = (kind, side, price, quantity = Number(QUANTITY)) =>
        exchange.createOrder(PAIR, kind, side, quantity, price);
    return {
        start: async () => PAIR in (await exchange.loadMarkets()),
        balance: async () => String((await exchange.fetchBalance()).USDT.free),
        buy_low: async () => (await create('limit', 'buy', low)).id,
        open_orders: async () => (await exchange.fetchOpenOrders(PAIR)).map((order) => order.id),
        order: async (id) => (await exchange.fetchOrder(id, PAIR)).status,
        cancel: async (id) => (await exchange.cancelOrder(id, PAIR)).status,
        buy_market: async () => (await create('market', 'buy')).status,
        sell_market: async () => (await create('market', 'sell')).status,
        trades: async () => (await exchange.fetchMyTrades(PAIR)).map((trade) => trade.side),
        withdraw: () => exchange.withdraw('USDT', 100, ADDRESS),
        oversized: () => create('limit', 'buy', low, 0.5),
        foreign: () => exchange.createOrder('DOGE/USDT', 'limit', 'buy', 200, 0.14),
        transfer: () => exchange.transfer('USDT', 100, 'spot', 'funding'),
    };
});
