#!/usr/bin/python3
"""A partner's shop, written from schemas/README.md alone: sends one order as an event.

Usage: producer.py BROKER TOPIC ORDER-ID CUSTOMER-ID PRODUCT-ID QUANTITY PRICE
"""
import json
import sys

from confluent_kafka import Producer

broker, topic, order_id, customer_id, product_id, quantity, price = sys.argv[1:]
order = {
    "orderId": order_id,
    "customerId": customer_id,
    "products": [
        {"productId": product_id, "quantity": int(quantity), "totalPrice": float(price)}
    ],
}
failed = []
producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random"})
producer.produce(
    topic,
    key=customer_id,
    value=json.dumps(order),
    # The same id when the same order is sent again: it is applied once.
    headers={"ce_id": order_id, "ce_source": "/partner-shop"},
    on_delivery=lambda error, record: failed.append(error) if error else None,
)
if producer.flush(30) or failed:
    sys.exit(f"producer.py: {order_id} was not sent: {failed or 'no answer from Kafka'}")
print(f"sent {order_id}")
