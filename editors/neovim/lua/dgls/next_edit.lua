--- Next edits, one at a time: requested after a pause, shown, jumped to, applied.
---
--- `textDocument/copilotInlineEdit` is not part of LSP; docs/next-edit.md of dgls describes it.
local diff = require('dgls.diff')

local M = {}

local METHOD = 'textDocument/copilotInlineEdit'
local SHOWN = 'textDocument/didShowInlineEdit'

--- The pause in typing before the server is asked.
M.pause_ms = 150

---@class dgls.Edit an offered edit; the title of its command is the reason
---@field text string
---@field range lsp.Range
---@field textDocument { uri: string, version: integer }
---@field command lsp.Command

---@class dgls.Offer an edit on the screen, in `bufnr` at `tick`
---@field edit dgls.Edit
---@field bufnr integer
---@field tick integer
---@field place dgls.Place
---@field origin integer the buffer whose edits led to it
---@field client vim.lsp.Client

---@type dgls.Offer?
M.offer = nil

--- The key shown in hints.
---@type string|false|nil
M.key = nil

---@type table<integer, table<string, true>> by buffer, the dismissed changes
local dismissed = {}

---@type table<integer, integer> by buffer, the state that the server was last asked about
local asked = {}

local timer = assert(vim.uv.new_timer())

---@param edit dgls.Edit
local function name_of(edit)
  return edit.command.title .. '\0' .. edit.text
end

---@param edit dgls.Edit
---@return dgls.Place
local function place_of(edit, bufnr, client)
  local range = vim.range.lsp(bufnr, edit.range, client.offset_encoding)
  local first_row, first, last_row, last = range:to_extmark()
  return { first_row = first_row, first = first, last_row = last_row, last = last }
end

--- The offer of an edit; nil if its document has changed since, or is not open.
---@param edit dgls.Edit
---@return dgls.Offer?
local function offer_of(edit, origin, client)
  local bufnr = vim.uri_to_bufnr(edit.textDocument.uri)
  local version = vim.lsp.util.buf_versions[bufnr]
  if not vim.api.nvim_buf_is_loaded(bufnr) or version ~= edit.textDocument.version then
    return nil
  end
  return {
    edit = edit,
    bufnr = bufnr,
    tick = vim.api.nvim_buf_get_changedtick(bufnr),
    place = place_of(edit, bufnr, client),
    origin = origin,
    client = client,
  }
end

local function hint_of(offer)
  local key = M.key and (' · ' .. M.key) or ''
  return offer.edit.command.title .. key
end

local function point()
  if M.offer then
    diff.point(M.offer.bufnr, M.offer.place, hint_of(M.offer))
  end
end

--- Remove the offer from the screen.
function M.clear()
  if M.offer then
    M.offer = nil
    diff.clear()
  end
end

---@param offer dgls.Offer
local function show(offer)
  if M.offer and vim.deep_equal(M.offer.edit, offer.edit) then
    return
  end
  M.clear()
  M.offer = offer
  diff.draw(offer.bufnr, offer.place, offer.edit.text, hint_of(offer))
  point()
  offer.client:notify(SHOWN, { item = { command = offer.edit.command } })
end

--- Show the nearest of a buffer's offered edits, if it was not dismissed.
---@param edits dgls.Edit[]
local function take(edits, origin, client)
  local refused = #edits > 0 and dismissed[origin] or {}
  dismissed[origin] = refused
  for _, edit in ipairs(edits) do
    local offer = not refused[name_of(edit)] and offer_of(edit, origin, client)
    if offer then
      return show(offer)
    end
  end
  M.clear()
end

--- Request the next edits of a buffer.
---@param bufnr integer
local function ask(bufnr)
  local client = vim.lsp.get_clients({ bufnr = bufnr, name = 'dgls' })[1]
  if not client or not vim.bo[bufnr].modifiable then
    return
  end
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  asked[bufnr] = tick
  local window = vim.fn.bufwinid(bufnr)
  local start = { line = 0, character = 0 }
  local position = window ~= -1
      and vim.lsp.util.make_position_params(window, client.offset_encoding).position
    or start
  local document = {
    uri = vim.uri_from_bufnr(bufnr),
    version = vim.lsp.util.buf_versions[bufnr],
  }
  client:request(METHOD, { textDocument = document, position = position }, function(err, result)
    local is_loaded = vim.api.nvim_buf_is_loaded(bufnr)
    if not err and result and is_loaded and vim.api.nvim_buf_get_changedtick(bufnr) == tick then
      take(result.edits, bufnr, client)
    end
  end, bufnr)
end

--- The text of a buffer has changed, so its offer is no longer valid.
local function changed(bufnr)
  if asked[bufnr] == vim.api.nvim_buf_get_changedtick(bufnr) then
    return
  end
  M.clear()
  timer:start(M.pause_ms, 0, function()
    vim.schedule(function()
      if vim.api.nvim_buf_is_loaded(bufnr) then
        ask(bufnr)
      end
    end)
  end)
end

---@param offer dgls.Offer
local function is_at(offer)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  return vim.api.nvim_get_current_buf() == offer.bufnr
    and offer.place.first_row <= row
    and row <= diff.last_row(offer.place)
end

---@param offer dgls.Offer
local function jump(offer)
  vim.cmd("normal! m'")
  if vim.api.nvim_get_current_buf() ~= offer.bufnr then
    vim.cmd.buffer(offer.bufnr)
  end
  vim.api.nvim_win_set_cursor(0, { offer.place.first_row + 1, offer.place.first })
  vim.cmd('normal! zv')
  point()
end

---@param offer dgls.Offer
local function apply(offer)
  local edit, bufnr = offer.edit, offer.bufnr
  timer:stop()
  M.clear()
  -- Setting this option begins a new undo step, so that one `u` undoes only the edit.
  vim.bo[bufnr].undolevels = vim.bo[bufnr].undolevels
  local change = { range = edit.range, newText = edit.text }
  vim.lsp.util.apply_text_edits({ change }, bufnr, offer.client.offset_encoding)
  asked[bufnr] = vim.api.nvim_buf_get_changedtick(bufnr)
  offer.client:exec_cmd(edit.command, { bufnr = bufnr })
  ask(offer.origin)
end

--- The offer on the screen, unless its text has changed without an event.
local function current()
  local offer = M.offer
  if offer and vim.api.nvim_buf_is_loaded(offer.bufnr) then
    if vim.api.nvim_buf_get_changedtick(offer.bufnr) == offer.tick then
      return offer
    end
  end
  M.clear()
end

--- Go to the offered edit; at it, apply the edit.
---@return boolean # whether something is offered
function M.go()
  local offer = current()
  if not offer then
    return false
  end
  if is_at(offer) then
    apply(offer)
  else
    jump(offer)
  end
  return true
end

--- Stop offering this change, at all its places.
---@return boolean # whether something was offered
function M.dismiss()
  local offer = current()
  if not offer then
    return false
  end
  local refused = dismissed[offer.origin] or {}
  refused[name_of(offer.edit)] = true
  dismissed[offer.origin] = refused
  M.clear()
  return true
end

--- Start to ask after pauses.
---@param key string|false the key shown in hints
function M.setup(key)
  M.key = key
  local group = vim.api.nvim_create_augroup('dgls.next_edit', {})
  vim.api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    callback = function(event)
      changed(event.buf)
    end,
  })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'WinScrolled', 'BufEnter' }, {
    group = group,
    callback = point,
  })
  vim.api.nvim_create_autocmd('BufUnload', {
    group = group,
    callback = function(event)
      dismissed[event.buf], asked[event.buf] = nil, nil
    end,
  })
end

return M
