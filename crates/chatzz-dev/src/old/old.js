'use strict';
// A front end as the readme of the npm package chatzz 1.x has it, on any version of socket.io-client. Beside the query,
// which `CHATZZ_DIALECT=1` makes unnecessary, it knows nothing that 1.x did not have.

var socket;
var me;
var users = [];
var contacts = {}; // by user id
var messages = {}; // by the user id of the contact: a list
var current;

function $(id) {
  return document.getElementById(id);
}

function nameOf(user) {
  return user.firstName || user.username || user._id;
}

/** Keeps a message once, in the newest form that came. */
function keep(message) {
  var other = message.from.user._id === me._id ? message.to.user._id : message.from.user._id;
  var list = (messages[other] = messages[other] || []);
  for (var i = 0; i < list.length; i += 1) {
    if (list[i]._id === message._id) {
      list[i] = message;
      return;
    }
  }
  list.push(message);
  list.sort(function (one, two) {
    return one.createdAt < two.createdAt ? -1 : 1;
  });
}

var handlers = {
  'user-details': function (data) {
    data.connectedUsers.forEach(function (contact) {
      contacts[contact._id] = contact;
    });
    Object.keys(data.missedMessages).forEach(function (room) {
      data.missedMessages[room].forEach(keep);
    });
  },
  'chat-user-added': function (data) {
    contacts[data._id] = data;
  },
  'chat-user-status-changed': function (data) {
    if (contacts[data.user._id]) contacts[data.user._id].status = data.status;
  },
  'new-message': keep,
  'message-status-changed': function (data) {
    keep(data.message);
  },
  'old-messages': function (data) {
    data.forEach(keep);
  },
};

function connect() {
  socket = io({ query: { dialect: 1 } });
  socket.on('connect', function () {
    $('state').textContent = '';
    socket.emit('connect-user', { userId: me._id });
    if (current) open(current);
  });
  socket.on('disconnect', function () {
    $('state').textContent = 'No connection, trying again …';
  });
  socket.on('chatzz', function (envelope) {
    handlers[envelope.type](envelope.data);
    draw();
  });
}

function open(id) {
  current = id;
  socket.emit('get-old-messages', { userId: id });
  draw();
}

function add(user) {
  socket.emit('add-chat-user', { userToAdd: user._id }, function (error, chatUser) {
    if (error || !chatUser) return;
    contacts[chatUser.user._id] = chatUser.user;
    contacts[chatUser.user._id].status = chatUser.status;
    open(chatUser.user._id);
  });
}

function line(text) {
  var p = document.createElement('p');
  p.textContent = text;
  return p;
}

function draw() {
  $('people').textContent = '';
  users.forEach(function (user) {
    if (user._id === me._id) return;
    var contact = contacts[user._id];
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = contact ? nameOf(user) + ' (' + contact.status + ')' : 'add ' + nameOf(user);
    button.onclick = function () {
      if (contact) open(user._id);
      else add(user);
    };
    var item = document.createElement('li');
    item.appendChild(button);
    $('people').appendChild(item);
  });
  $('talk').hidden = !current;
  if (!current) return;
  $('other').textContent = nameOf(contacts[current]);
  $('log').textContent = '';
  (messages[current] || []).forEach(function (message) {
    var mine = message.from.user._id === me._id;
    var who = mine ? 'you' : nameOf(message.from.user);
    $('log').appendChild(line(who + ': ' + message.message + (mine ? ' (' + message.status + ')' : '')));
    if (!mine && message.status !== 'read' && !message.isSaid) {
      message.isSaid = true;
      socket.emit('message-read', { messageId: message._id });
    }
  });
  $('log').scrollTop = $('log').scrollHeight;
}

$('composer').onsubmit = function (event) {
  event.preventDefault();
  if ($('text').value) socket.emit('send-message', { userId: current, message: $('text').value });
  $('text').value = '';
};

fetch('/demo/users')
  .then(function (answer) {
    return answer.json();
  })
  .then(function (found) {
    var as = new URLSearchParams(location.search).get('as');
    users = found;
    me = users.filter(function (user) {
      return user.username === as;
    })[0];
    if (me) {
      $('me').textContent = nameOf(me);
      return connect();
    }
    users.forEach(function (user) {
      var link = document.createElement('a');
      link.href = '?as=' + encodeURIComponent(user.username);
      link.textContent = nameOf(user);
      $('people').appendChild(document.createElement('li')).appendChild(link);
    });
  });
