--- Tells the server where the cursor rests, so that the first suggestion after a jump is as fast as
--- later ones. The server decides whether that is useful.
local M = {}

local METHOD = 'dgls/cursor'

--- How long the cursor rests before the server is told.
M.rest_ms = 500

local timer = assert(vim.uv.new_timer())

-- The end of the line, where `A` and `o` continue. In insert mode Neovim itself asks.
local function tell()
  local client = vim.lsp.get_clients({ name = 'dgls', bufnr = 0 })[1]
  if client then
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    local line = vim.api.nvim_get_current_line()
    params.position.character = vim.str_utfindex(line, client.offset_encoding)
    -- A server of another version does not know the request.
    client:request(METHOD, params, function() end)
  end
end

--- Start reporting.
function M.setup()
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'BufEnter' }, {
    group = vim.api.nvim_create_augroup('dgls.cursor', {}),
    callback = function()
      timer:start(M.rest_ms, 0, vim.schedule_wrap(tell))
    end,
  })
end

return M
