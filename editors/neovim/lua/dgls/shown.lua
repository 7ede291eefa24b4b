--- The suggestion on the screen.
---
--- `vim.lsp.inline_completion` of Neovim 0.12 keeps it to itself: its public functions accept it
--- whole or show another one. To accept a part of it, and to ask for more, this file looks at what
--- that module keeps, and no other file does.
local M = {}

local METHOD = 'textDocument/inlineCompletion'

--- What keeps the suggestions of the current buffer; nil where there are none to come.
local function completor()
  local found, capability = pcall(require, 'vim.lsp._capability')
  local kind = found and capability.all.inline_completion
  return kind and kind.active[vim.api.nvim_get_current_buf()] or nil
end

--- The suggestion that is shown.
---@return vim.lsp.inline_completion.Item?
function M.item()
  local keeper = completor()
  return keeper and keeper.current
end

--- Ask a server as if a key was pressed for it: it answers sure or not, and with more than one.
---@param client vim.lsp.Client
---@param next boolean whether to show another one than what is shown already
function M.ask(client, next)
  local keeper = completor()
  if not keeper then
    return
  end
  local before = keeper.current and keeper.current.insert_text
  -- A request while typing that is still to be sent would take the answer away again.
  keeper:reset_timer()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = vim.lsp.protocol.InlineCompletionTriggerKind.Invoked }
  -- By its number: for buffer 0 Neovim 0.12 sends no pending change ahead of the request.
  local buffer = vim.api.nvim_get_current_buf()
  client:request(METHOD, params, function(err, result, ctx)
    keeper:handler(err, result, ctx)
    if next and keeper.current and keeper.current.insert_text == before then
      vim.lsp.inline_completion.select()
    end
  end, buffer)
end

--- Whether there is more than one to choose from.
---@return boolean
function M.has_others()
  local keeper = completor()
  return keeper ~= nil and keeper:count_items() > 1
end

return M
