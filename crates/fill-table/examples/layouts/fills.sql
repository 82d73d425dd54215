-- fills: made-up fills, in order of time.
-- Two and a half rows share a transaction; the first of them is its taker order. Wallets and
-- tokens are Zipf-like, 200,000 and 20,000 of them; half of a token's makers are that token's own.
-- A maker's order on a token is filled again if it is met again within 40,000 transactions.
INSERT INTO source
WITH
    intDiv(number * 2, 5) AS tx,
    number = 0 OR tx != intDiv((number - 1) * 2, 5) AS is_taker_order,
    (seed, salt) -> cityHash64(seed, salt) / pow(2, 64) AS random,
    toUInt32(floor(pow(20000, pow(random(tx, 1), 0.8)))) AS token_rank,
    random(tx, 2) AS u_taker,
    random(number, 3) AS u_maker,
    toUInt32(floor(pow(200000, if(cityHash64(tx, 11) % 2 = 0, u_taker,
        cityHash64(token_rank, floor(pow(400, u_taker))) / pow(2, 64))))) AS taker_rank,
    toUInt32(floor(pow(200000, if(cityHash64(number, 10) % 2 = 0, pow(u_maker, 1.2),
        cityHash64(token_rank, 12, floor(pow(200, u_maker))) / pow(2, 64))))) AS maker_rank,
    rank -> toFixedString(substring(SHA256(concat('w', toString(rank))), 1, 20), 20) AS wallet,
    is_taker_order = (bitAnd(cityHash64(tx, 5), 1) = 1) AS buys,
    -- Prices are whole cents; a third of the sizes are multiples of five shares, a third of cents.
    1 + cityHash64(token_rank, intDiv(tx, 20000)) % 99 AS cents,
    exp(random(number, 7) * 9) * 1000000 AS raw,
    toUInt64(multiIf(
        cityHash64(number, 8) % 3 = 0, round(raw / 5000000) * 5000000 + 1000000,
        cityHash64(number, 8) % 3 = 1, floor(raw / 10000) * 10000 + 10000,
        raw)) AS shares
SELECT
    SHA256(concat('tx', toString(tx))) AS tx_hash,
    if(is_taker_order,
        SHA256(concat('to', toString(tx))),
        SHA256(concat('mo', toString(maker_rank), '-', toString(token_rank), '-',
            toString(buys), '-', toString(intDiv(tx, 40000))))) AS order_hash,
    wallet(if(is_taker_order, taker_rank, maker_rank)) AS maker,
    multiIf(
        NOT is_taker_order, wallet(taker_rank),
        token_rank % 2 = 0,
        toFixedString(unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), 20),
        toFixedString(unhex('c5d563a36ae78145c45a50134d48a1215220f80a'), 20)) AS taker,
    reinterpret(SHA256(concat('t', toString(token_rank))), 'UInt256') AS token_id,
    if(buys, 'BUY', 'SELL') AS side,
    shares,
    intDiv(shares * cents, 100) AS usdc,
    if(cityHash64(token_rank, 9) % 20 = 0, toUInt64(shares * 0.01), 0) AS fee,
    toDateTime(1772323200 + intDiv(tx, 32), 'UTC') AS timestamp
FROM numbers({rows:UInt64} + 20000)
LIMIT 1 BY tx_hash, order_hash
LIMIT {rows:UInt64}
