// The npm package `binance`, over axios: every parameter in the query, a POST with an empty body.
'use strict';
const {MainClient} = require('binance');
const {SYMBOL, QUANTITY, ADDRESS, base, pasted, live} = require('./story.js');

function made(given) {
    return new MainClient({api_key: given.key, api_secret: given.secret, baseUrl: base(given)});
}

live((given) => {
    const client = given.snippet ? pasted(given, 'client') : made(given);
    const order = (side, more, symbol = SYMBOL, quantity = QUANTITY) =>
        client.submitNewOrder({symbol, side, quantity, ...more});
    const limit = (price, ...more) => order('BUY', {type: 'LIMIT', timeInForce: 'GTC', price}, ...more);
    const withId = (orderId) => ({symbol: SYMBOL, orderId: Number(orderId)});
    return {
        start: async () => (await client.getExchangeInfo({symbol: SYMBOL})).symbols.some((row) => row.symbol === SYMBOL),
        balance: async () => (await client.getAccountInformation()).balances.find((row) => row.asset === 'USDT').free,
        buy_low: async () => String((await limit(given.low_price)).orderId),
        open_orders: async () => (await client.getOpenOrders({symbol: SYMBOL})).map((row) => String(row.orderId)),
        order: async (id) => (await client.getOrder(withId(id))).status,
        cancel: async (id) => (await client.cancelOrder(withId(id))).status,
        buy_market: async () => (await order('BUY', {type: 'MARKET'})).status,
        sell_market: async () => (await order('SELL', {type: 'MARKET'})).status,
        trades: async () => (await client.getAccountTradeList({symbol: SYMBOL}))
            .map((row) => (row.isBuyer ? 'buy' : 'sell')),
        withdraw: () => client.withdraw({coin: 'USDT', amount: 100, address: ADDRESS}),
        oversized: () => limit(given.low_price, SYMBOL, '0.5'),
        foreign: () => limit('0.14', 'DOGEUSDT', '200'),
        transfer: () => client.submitUniversalTransfer({type: 'MAIN_FUNDING', asset: 'USDT', amount: 100}),
    };
});
