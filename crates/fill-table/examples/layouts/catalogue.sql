-- catalogue: as many tokens as the archive has, two to a market, the fills' own among them
INSERT INTO markets_data
    (token_id, condition_id, outcome_index, outcome, slug, question, source)
SELECT
    reinterpret(SHA256(concat('t', toString(number))), 'UInt256'),
    concat('0x', lower(hex(SHA256(concat('c', toString(intDiv(number, 2))))))),
    number % 2,
    if(number % 2 = 0, 'Yes', 'No'),
    concat('will-something-happen-before-the-end-of-', toString(intDiv(number, 2)), '-or-not'),
    concat('Will something happen before the end of ', toString(intDiv(number, 2)), '?'),
    'gamma'
FROM numbers(2600000)
