"use strict";
// What all scripts of the map share: elements, numbers, chainages, courses of roads, events.
// Texts become text nodes, never markup.
var realign = { scene: null, map: null };

(function () {
  var SVG = "http://www.w3.org/2000/svg";
  var listeners = {};

  realign.make = function (tag, text, name) {
    var node = document.createElement(tag);
    if (text !== undefined && text !== null) { node.textContent = text; }
    if (name) { node.className = name; }
    return node;
  };

  realign.draw = function (tag, attributes, parent) {
    var node = document.createElementNS(SVG, tag);
    Object.keys(attributes || {}).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    if (parent) { parent.appendChild(node); }
    return node;
  };

  realign.byId = function (id) { return document.getElementById(id); };

  realign.isWide = function () { return window.innerWidth > 760; };

  realign.on = function (what, act) { (listeners[what] = listeners[what] || []).push(act); };

  realign.tell = function (what, value) {
    (listeners[what] || []).forEach(function (act) { act(value); });
  };

  realign.number = function (value, digits) {
    return value.toLocaleString("en-US", { minimumFractionDigits: digits || 0,
      maximumFractionDigits: digits || 0 });
  };

  realign.bn = function (rupees) { return "Rs " + realign.number(rupees / 1e9, 1) + " bn"; };

  // Chainage in words: 192400 m is 192+400.
  realign.station = function (metres) {
    var whole = Math.round(metres);
    var rest = Math.abs(whole % 1000);
    return Math.trunc(whole / 1000) + "+" + ("00" + rest).slice(-3);
  };

  realign.km = function (metres) {
    return metres >= 1000 ? realign.number(metres / 1000, 2) + " km" : realign.number(metres) + " m";
  };

  function unpacked(list, scale) {
    var at = 0;
    return Float64Array.from(list, function (step) { at += step; return at / scale; });
  }

  // A road from its packed numbers: positions and levels by chainage.
  function Road(key, packed) {
    this.key = key;
    this.name = packed.name || key;
    this.length = packed.length;
    this.step = packed.step;
    this.old = packed.old || [0, packed.length];
    this.lat = unpacked(packed.lat, 1e6);
    this.lon = unpacked(packed.lon, 1e6);
    this.z = unpacked(packed.z, 10);
    this.g = packed.g ? unpacked(packed.g, 10) : null;
    this.parts = packed.parts || (packed.bridges || []).map(function (b) { return [b[0], b[1], 1, ""]; });
    this.squeeze = Math.cos(this.lat[0] * Math.PI / 180);
  }

  Road.prototype.index = function (s) {
    var last = this.lat.length - 2;
    var i = Math.max(0, Math.min(last, Math.floor(s / this.step)));
    var from = i * this.step;
    var to = i === last ? this.length : from + this.step;
    return [i, Math.max(0, Math.min(1, to > from ? (s - from) / (to - from) : 0))];
  };

  Road.prototype.value = function (list, s) {
    var at = this.index(s);
    return list[at[0]] + (list[at[0] + 1] - list[at[0]]) * at[1];
  };

  Road.prototype.at = function (s) { return L.latLng(this.value(this.lat, s), this.value(this.lon, s)); };
  Road.prototype.level = function (s) { return this.value(this.z, s); };
  Road.prototype.ground = function (s) { return this.g ? this.value(this.g, s) : null; };

  // Points from one chainage to another, its own vertices in between.
  Road.prototype.slice = function (from, to) {
    var out = [this.at(from)];
    for (var i = Math.floor(from / this.step) + 1; i * this.step < to && i < this.lat.length - 1; i++) {
      if (i * this.step > from) { out.push(L.latLng(this.lat[i], this.lon[i])); }
    }
    out.push(this.at(to));
    return out;
  };

  // Chainage nearest to a place, and the distance [m] to it.
  Road.prototype.nearest = function (place) {
    var best = { s: 0, metres: Infinity };
    var y = place.lat, x = place.lng * this.squeeze;
    for (var i = 0; i + 1 < this.lat.length; i++) {
      var ay = this.lat[i], ax = this.lon[i] * this.squeeze;
      var by = this.lat[i + 1] - ay, bx = this.lon[i + 1] * this.squeeze - ax;
      var size = bx * bx + by * by;
      var t = size ? Math.max(0, Math.min(1, ((x - ax) * bx + (y - ay) * by) / size)) : 0;
      var dy = y - ay - t * by, dx = x - ax - t * bx;
      var metres = Math.sqrt(dx * dx + dy * dy) * 111320;
      if (metres < best.metres) {
        var end = Math.min((i + 1) * this.step, this.length);
        best = { s: i * this.step + t * (end - i * this.step), metres: metres };
      }
    }
    return best;
  };

  // What the road is at a chainage: number of its form.
  Road.prototype.form = function (s) {
    var own = this.parts.find(function (part) { return part[0] <= s && s <= part[1]; });
    return own ? own[2] : 0;
  };

  realign.unpack = function (scene) {
    realign.scene = scene;
    realign.old = new Road("", scene.old);
    realign.roads = {};
    Object.keys(scene.roads).forEach(function (key) {
      realign.roads[key] = new Road(key, scene.roads[key]);
    });
    realign.options = {};
    scene.options.forEach(function (option) { realign.options[option.name] = option; });
  };

  realign.road = function (key) { return key ? realign.roads[key] : realign.old; };

  // A popup from a title and rows of a label and a value.
  realign.popup = function (about) {
    var box = realign.make("div");
    var head = realign.make("h2", about.title);
    if (about.ur) { head.appendChild(realign.local(about.ur)); }
    box.appendChild(head);
    var table = realign.make("table");
    about.rows.forEach(function (row) {
      var line = realign.make("tr");
      var label = realign.make("th", row[0]);
      label.scope = "row";
      line.appendChild(label);
      line.appendChild(realign.make("td", row[1]));
      table.appendChild(line);
    });
    box.appendChild(table);
    return box;
  };

  // A name in Urdu, read from the right.
  realign.local = function (name) {
    var node = realign.make("bdi", name, "urdu");
    node.lang = "ur";
    node.dir = "rtl";
    return node;
  };

  // Where a popup may stand: below the title, beside or above the panel; asked whenever one opens.
  var room = {
    maxWidth: function () { return realign.isWide() ? 340 : 290; },
    maxHeight: function () {
      var rest = realign.isWide() ? 90 : realign.byId("title").offsetHeight + 130;
      return Math.max(140, window.innerHeight - realign.byId("dock").offsetHeight - rest);
    },
    autoPanPaddingTopLeft: function () {
      var title = realign.byId("title");
      return realign.isWide() ? [title.offsetWidth + 24, 20] : [10, title.offsetHeight + 20];
    },
    autoPanPaddingBottomRight: function () {
      var dock = realign.byId("dock").offsetHeight;
      return realign.isWide() ? [350, dock + 30] : [10, dock + 70];
    }
  };
  Object.keys(room).forEach(function (key) {
    Object.defineProperty(L.Popup.prototype.options, key, { get: room[key], enumerable: true });
  });

  // Popups and labels of a feature that Folium draws.
  realign.each = function (feature, layer) {
    var about = feature.properties;
    if (about.rows) {
      layer.bindPopup(function () { return realign.popup(about); });
    }
    if (about.profile) {
      layer.on("click", function (event) { realign.tell("old road", event.latlng); });
    }
    if (about.label) {
      var label = realign.make("span", about.label);
      if (about.ur) { label.appendChild(realign.local(about.ur)); }
      layer.bindTooltip(label, { permanent: true, direction: "right", offset: [6, 0],
        className: "label " + about.kind });
    } else if (about.rows) {
      layer.bindTooltip(realign.make("span", about.title), { sticky: true });
    }
  };
}());
