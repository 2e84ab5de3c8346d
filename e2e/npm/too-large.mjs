// Sends 20 MB with Node's fetch, as one body and as a stream, and prints what each answer says.
const url = process.argv[2] + "/v1/events";
const size = 20 << 20;
const answers = [];
for (let i = 0; i < 10; i++) {
  const whole = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: new Uint8Array(size).fill(32) });
  answers.push({ status: whole.status, body: await whole.text() });
  const block = new Uint8Array(1 << 20).fill(32);
  let left = size / block.length;
  const stream = new ReadableStream({ pull(to) { if (left-- > 0) to.enqueue(block); else to.close(); } });
  const streamed = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: stream, duplex: "half" });
  answers.push({ status: streamed.status, body: await streamed.text() });
}
console.log(JSON.stringify(answers));
