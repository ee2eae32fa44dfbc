// For servers that cannot be told where to listen: only this machine reaches them.
const net = require("node:net");

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ...rest) {
  const callback = rest.find((item) => typeof item === "function");
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, callback);
};
