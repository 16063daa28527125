#!/usr/bin/env bash
# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"

lesson 'a second team, in other languages' <<'TEXT'
A partner has read schemas/README.md, and nothing else of this repository. Its shop (Python) puts
an order into our topic; its till (Node.js) reads what is ordered. Some 25 lines each, in partner/
beside this lab. Our services do not know that they exist, and need not be told.
TEXT
partner=scripts/labs/partner

# npm's packages go into build/, by the versions that the lock file names.
install_kafkajs() {
    cmp -s "$partner/package-lock.json" build/labs/partner/installed.json && return
    note "installing kafkajs into build/labs/partner (once)"
    mkdir -p build/labs/partner
    cp "$partner"/package.json "$partner"/package-lock.json "$partner"/.npmrc build/labs/partner
    (cd build/labs/partner && npm ci --ignore-scripts)
    cp "$partner/package-lock.json" build/labs/partner/installed.json
}

quietly install_kafkajs
cp "$partner/consumer.js" build/labs/partner
need_kafka
need_shop order inventory notification logging
till=$work/till
has_actions() { [ "$(curl -s "$LOGGING_URL/actions?orderId=$1" | jq '.items | length')" -ge "$2" ]; }
has_seen() { grep -q "$1" "$till"; }

say 'The till joins a group of its own. A customer orders at our shop, one at the partner'\''s:'
in_background "$till" node build/labs/partner/consumer.js "$broker" "$orders" "$lab-till"
order ORDER-1 CUSTOMER-1
show <<'SH'
scripts/labs/partner/producer.py $broker $orders PARTNER-1 CUSTOMER-9 PRODUCT-321 2 466
SH
wait_until 'the till has seen our order' has_seen ORDER-1
wait_until 'the till has seen its own' has_seen PARTNER-1
show <<'SH'
sort $till
SH
check 'the till has seen both orders, each once' "$(wc -l <<<"$seen")" -eq 2
check "the partner's with the price that its shop wrote" \
    "$(tail -n 1 <<<"$seen")" = 'CUSTOMER-9 spent 466.00 (PARTNER-1)'

wait_until 'the order has had its effects' has_actions PARTNER-1 2
say 'What our services made of the order of a program that they do not know:'
show <<'SH'
curl -s $LOGGING_URL/actions?orderId=PARTNER-1 |
    jq -r '.items[] | .serviceName + ": " + .action' | sort
SH
check 'its customer was notified' "$(grep -c order-notification-sent <<<"$seen")" -eq 1
show <<'SH'
curl -s $INVENTORY_URL/movements?orderId=PARTNER-1 | jq -c '.items[] | {productId, delta, stock}'
SH
check 'and two pieces were taken from the stock' "$(jq .delta <<<"$seen")" -eq -2

say 'The partner is not sure whether it was sent, and sends it again, with the same ce_id:'
show <<'SH'
scripts/labs/partner/producer.py $broker $orders PARTNER-1 CUSTOMER-9 PRODUCT-321 2 466
SH
quietly build/bin/orderctl audit
check 'the record is there twice' "$(count_of "$orders")" -eq 3
check 'the stock was changed once' \
    "$(curl -s "$INVENTORY_URL/movements?orderId=PARTNER-1" | jq '.items | length')" -eq 1
check 'the till has not counted it twice' "$(grep -c PARTNER-1 "$till")" -eq 1

question 'a third team wants to know which products run low. Whom does it have to ask?' \
    'nobody: it reads inventory-empty-topic, in a group of its own, from the beginning.'
