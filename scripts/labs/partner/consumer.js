// A partner's till, written from schemas/README.md alone: says what customers spend.
// Usage: node consumer.js BROKER TOPIC GROUP
import { Kafka, logLevel } from "kafkajs";

const [broker, topic, groupId] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
const handled = new Set(); // the same event can come twice; a real till would store this

await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ partition, message }) => {
    const { ce_id: id, ce_source: source } = message.headers;
    const event = id ? `${source} ${id}` : `${partition}/${message.offset}`;
    if (handled.has(event)) return;
    handled.add(event);
    const order = JSON.parse(message.value);
    const total = order.products.reduce((sum, line) => sum + line.totalPrice, 0);
    console.log(`${order.customerId} spent ${total.toFixed(2)} (${order.orderId})`);
  },
});
process.on("SIGTERM", () => consumer.disconnect());
