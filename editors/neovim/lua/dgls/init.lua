--- dgls for Neovim: additions to `vim.lsp.inline_completion`. See `:help dgls`.
local accept = require('dgls.accept')
local next_edit = require('dgls.next_edit')
local shown = require('dgls.shown')
local status = require('dgls.status')

local M = {}

---@class dgls.Keys
---@field accept? string|false accept the suggestion
---@field accept_word? string|false accept its next word
---@field accept_line? string|false accept its next line
---@field next? string|false show the next candidate; the first press asks for them
---@field fill? string|false fill the gap at the cursor, or rewrite the selection
---@field next_edit? string|false go to the next edit; at it, apply it
---@field dismiss_edit? string|false stop offering that change

---@type dgls.Keys
M.keys = {
  accept = '<Tab>',
  accept_word = '<M-Right>',
  accept_line = '<M-Down>',
  next = '<M-]>',
  fill = 'gF',
  next_edit = '<M-n>',
  dismiss_edit = '<M-x>',
}

--- Start dgls for its file types, show its suggestions, and map the keys.
---@param opts? { keys?: dgls.Keys } a key that is false is not mapped
function M.setup(opts)
  local keys = vim.tbl_extend('force', M.keys, opts and opts.keys or {})
  M.keys = keys
  vim.lsp.enable('dgls')
  vim.lsp.inline_completion.enable()
  local insert = { accept = M.accept, accept_word = M.accept_word, accept_line = M.accept_line }
  for name, action in pairs(insert) do
    M.map(keys[name], action, 'dgls: ' .. name:gsub('_', ' the next '))
  end
  require('dgls.instruct').setup()
  vim.api.nvim_create_user_command('DglsWhy', M.why, { desc = 'dgls: explain the suggestion here' })
  if keys.next then
    vim.keymap.set('i', keys.next, M.next, { desc = 'dgls: next suggestion' })
  end
  -- Mapped even without an offer, because Neovim would read `<M-x>` as Escape and `x`.
  if keys.next_edit then
    vim.keymap.set({ 'n', 'i' }, keys.next_edit, M.next_edit, { desc = 'dgls: next edit' })
  end
  if keys.dismiss_edit then
    local desc = 'dgls: stop offering this change'
    vim.keymap.set({ 'n', 'i' }, keys.dismiss_edit, M.dismiss_edit, { desc = desc })
  end
  next_edit.setup(keys.next_edit)
  require('dgls.cursor').setup()
  if keys.fill then
    vim.keymap.set({ 'n', 'x' }, keys.fill, M.fill, { desc = 'dgls: fill the gap here' })
  end
end

--- Map a key in insert mode; without a suggestion the key keeps its usual function.
---@param key string|false for example '<Tab>'
---@param action? fun(): boolean whether there was a suggestion; `accept` if left out
---@param desc? string
function M.map(key, action, desc)
  if not key then
    return
  end
  vim.keymap.set('i', key, function()
    if not (action or M.accept)() then
      -- Before keys that are typed ahead.
      vim.api.nvim_feedkeys(vim.keycode(key), 'in', false)
    end
  end, { desc = desc or 'dgls: accept the suggestion' })
end

--- Accept the shown suggestion.
---@return boolean # whether there was one
function M.accept()
  return accept.whole()
end

--- Accept its next word; the rest stays shown.
---@return boolean # whether there was one
function M.accept_word()
  return accept.word()
end

--- Accept its next line; the rest stays shown.
---@return boolean # whether there was one
function M.accept_line()
  return accept.line()
end

--- Show the next candidate. If there is none yet, make an explicit request for several.
function M.next()
  local client = status.client()
  if shown.has_others() then
    vim.lsp.inline_completion.select()
  elseif client then
    shown.ask(client, true)
  end
end

--- Fill the gap at the cursor, or rewrite the selection.
function M.fill()
  local kinds = { 'refactor.rewrite.dgls.fill', 'refactor.rewrite.dgls.selection' }
  vim.lsp.buf.code_action({ context = { only = kinds }, apply = true })
end

--- Go to the place of the offered edit; at it, apply the edit.
---@return boolean # whether one is offered
function M.next_edit()
  return next_edit.go()
end

--- Stop offering that change.
---@return boolean # whether one was offered
function M.dismiss_edit()
  return next_edit.dismiss()
end

--- Suggest nothing for some minutes.
---@param minutes? number 15 if left out; 0 ends it
function M.snooze(minutes)
  local client = status.client()
  if client then
    client:exec_cmd({
      title = 'Snooze',
      command = 'dgls.snooze',
      arguments = { minutes or 15 },
    }, { bufnr = 0 })
  end
end

--- Show why there is, or is not, a suggestion at the cursor.
function M.why()
  local client = status.client()
  if not client then
    vim.notify('dgls is not running in this buffer; see :checkhealth dgls', vim.log.levels.WARN)
    return
  end
  vim.api.nvim_echo({ { 'dgls: asking the model twice ...' } }, false, {})
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  client:exec_cmd({
    title = 'Why?',
    command = 'dgls.why',
    arguments = { params.textDocument.uri, params.position },
  }, { bufnr = vim.api.nvim_get_current_buf() })
end

--- For the statusline: the model, its usual time, and why it is quiet, slow, off or failed.
---@param opts? { short?: boolean } short: `dgls`, with the loading progress or a bad state
---@return string
function M.status(opts)
  return status.text(opts and opts.short)
end

return M
