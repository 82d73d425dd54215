INSERT INTO DATA (tx_hash, order_hash, maker, taker, token_id, side, shares, usdc, fee, timestamp)
WITH
    -- Five rows are two transactions: a crossing order with one resting order, and one with two.
    intDiv(number, 5) * 2 + (number % 5 >= 2) AS transaction,
    number % 5 - if(number % 5 >= 2, 2, 0) AS place,
    1 + (number % 5 >= 2) AS resting,
    -- Few tokens and few wallets have most rows.
    toUInt32(pow(1000000, pow(cityHash64(transaction, 1) / pow(2, 64), 0.8))) AS token,
    1 + cityHash64(token, intDiv(transaction, 200000)) % 98 AS cents,
    (order_place -> toUInt64(1000000 + (cityHash64(transaction, order_place, 7) % 100000) * 10000)) AS size,
    if(place = 0, size(1) + if(resting = 2, size(2), 0), size(place)) AS amount,
    (wallet -> toFixedString(concat(
        reinterpretAsFixedString(cityHash64(wallet, 1)), reinterpretAsFixedString(cityHash64(wallet, 2)),
        substring(reinterpretAsFixedString(cityHash64(wallet, 3)), 1, 4)), 20)) AS address,
    ((value, salt) -> toFixedString(concat(
        reinterpretAsFixedString(cityHash64(value, salt)), reinterpretAsFixedString(cityHash64(value, salt + 1)),
        reinterpretAsFixedString(cityHash64(value, salt + 2)),
        reinterpretAsFixedString(cityHash64(value, salt + 3))), 32)) AS hash,
    address(toUInt32(pow(2000000, cityHash64(transaction, 5) / pow(2, 64)))) AS crossing,
    address(toUInt32(pow(2000000, cityHash64(number, 6) / pow(2, 64)))) AS waiting
SELECT
    hash(transaction, 11),
    hash(number, 21),
    if(place = 0, crossing, waiting),
    if(place = 0, toFixedString(unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), 20), crossing),
    toUInt256(cityHash64(token, 31)) * toUInt256('57896044618658097711785492504343953926') + token,
    if((place = 0) = (cityHash64(transaction, 3) % 2), 'BUY', 'SELL')::Enum8('BUY' = 1, 'SELL' = 2),
    amount,
    intDiv(amount * cents, 100),
    0,
    toDateTime(1740787200 + intDiv(transaction, 4), 'UTC')
FROM numbers_mt(ROWS)
SETTINGS max_insert_threads = 2, min_insert_block_size_rows = 1000000, max_insert_block_size = 1000000
